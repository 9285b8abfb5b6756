import type {ClusterNames} from '../config/filters.ts';
import type {InstanceKey} from '../model/instance-key.ts';

/** The source that clients of a cluster are to find. */
export interface Publication {
  readonly cluster: ClusterNames;
  readonly source: InstanceKey;
  /** Of its host, where they are known. */
  readonly addresses: {readonly ipv4: string; readonly ipv6: string};
  /** Whom it replaces, and whether that one is to serve reads from now on; null when nobody is replaced. */
  readonly demoted: {readonly key: InstanceKey; readonly follows: boolean} | null;
}

/** A source that clients are not to find any more. */
export interface Withdrawal {
  readonly cluster: ClusterNames;
  readonly demoted: InstanceKey;
}

/** A place in which clients look up the source of a cluster, or that routes them to it. Everything here bears repetition. */
export interface Directory {
  /** As people know it: `Consul`, `ProxySQL at 10.0.0.1:6032`. */
  readonly name: string;
  /**
   * Takes a source out. What names somebody else is left alone, so that a late request never undoes a publication.
   *
   * @returns what was done, for the journal
   * @throws OrchestratorError DIRECTORY_FAILED
   */
  withdraw(withdrawal: Withdrawal, signal: AbortSignal): Promise<string>;
  /** Writes a source, whatever was there before. @throws OrchestratorError DIRECTORY_FAILED */
  publish(publication: Publication, signal: AbortSignal): Promise<string>;
  /**
   * Looks whether a source is there as it should, and writes it where it is not: only if `mayWrite` still says so after looking, and,
   * where the place can tell, only if nobody has changed it since.
   *
   * @returns what was written; null when all was well, or nothing might be written
   */
  repair(publication: Publication, mayWrite: () => Promise<boolean>, signal: AbortSignal): Promise<string | null>;
}
