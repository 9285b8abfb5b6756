import {sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {unresolve, type UnresolveOptions} from '../../names/unresolve.ts';

/** What `--skip-unresolve` and `--skip-unresolve-check` say, and where virtual names are registered and lead. */
export type SourceNaming = UnresolveOptions;

/**
 * Names of sources as replicas' settings have them, which need not be those by which we know the instances: a virtual name may be
 * registered for a host (`hostname_unresolve`), and people write aliases.
 */
export class SourceNames {
  readonly #naming: SourceNaming | null;
  /** By the name that was written: whose it is. */
  readonly #virtual = new Map<string, string>();

  /** @param naming null: every instance goes by its own name */
  constructor(naming: SourceNaming | null) {
    this.#naming = naming;
  }

  /**
   * What to write for a source.
   *
   * @throws OrchestratorError REFUSED when its virtual name leads to another instance
   */
  async toWrite(source: InstanceKey): Promise<InstanceKey> {
    const written = this.#naming ? await unresolve(source, this.#naming) : source;
    if (written.host !== source.host) this.#virtual.set(written.host, source.host);
    return written;
  }

  /** The status with its source by the name we know it by: what we wrote ourselves, and what the last probe of the replica resolved. */
  known(status: Replication | null, {replication: probed}: Instance): Replication | null {
    if (!status?.source) return status;
    const {host, port} = status.source;
    const own = this.#virtual.get(host);
    if (own !== undefined) return {...status, source: {host: own, port}};
    const isAsProbed = probed?.source && probed.sourceHostAsWritten === status.sourceHostAsWritten && probed.source.port === port;
    return isAsProbed && !sameKey(probed.source, status.source) ? {...status, source: probed.source} : status;
  }
}
