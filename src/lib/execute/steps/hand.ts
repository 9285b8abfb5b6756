import type {Flavor, PointAt, Row, Statement} from '../../flavor/flavor.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {SourceNames} from './source-names.ts';

/** A session that may change one server, and the words that server understands. */
export interface Hand {
  readonly key: InstanceKey;
  readonly flavor: Flavor;
  /** Sends one statement, unless the lock would end before its answer. Same errors as `Session.query`, and DEADLINE_PASSED. */
  say(statement: Statement, timeout?: Milliseconds): Promise<readonly Row[]>;
  /** The managed channel's status now, its source by the name that we know it by; null when it is not a replica. */
  replication(): Promise<Replication | null>;
  /**
   * Says `flavor.pointAt` with the name that is to be written for the source.
   *
   * @throws OrchestratorError REFUSED when a virtual name leads to another instance, besides those of `say`
   */
  pointAt(to: PointAt): Promise<void>;
  /** The same with `flavor.pointReceiverAt`. */
  pointReceiverAt(source: InstanceKey): Promise<void>;
  /** The same hand with another way of saying. */
  saying(say: Hand['say']): Hand;
}

export interface HandParts extends Pick<Hand, 'key' | 'flavor'> {
  readonly names: SourceNames;
  /** As it was probed last. */
  readonly instance: Instance;
}

/** All that a hand does, by one way of saying. */
export function handOf(parts: HandParts, say: Hand['say']): Hand {
  const {key, flavor, names, instance} = parts;
  return {
    key,
    flavor,
    say,
    replication: async () => names.known(flavor.parseReplicaStatus(await say(flavor.showReplicaStatus)).replication, instance),
    pointAt: async (to) => void (await say(flavor.pointAt({...to, source: await names.toWrite(to.source)}))),
    pointReceiverAt: async (source) => void (await say(flavor.pointReceiverAt(await names.toWrite(source)))),
    saying: (other) => handOf(parts, other),
  };
}
