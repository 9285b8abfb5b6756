import type {ErrantSeen} from '../../execute/instance/ask.ts';
import type {Changed, ChangeWish} from '../../execute/instance/change.ts';
import type {Reprovisioned, ReprovisionRequest} from '../../execute/reprovision/reprovision.ts';
import type {RelayPlaces} from '../../execute/pseudo-gtid/ask.ts';
import type {LogEvent} from '../../flavor/commands/words.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Instance} from '../../model/instance.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Mark} from '../../plan/pseudo-gtid/correlate.ts';

/** What can be asked of one server, and done to it, now. */
export interface OnInstance {
  change(wish: ChangeWish): Promise<Changed>;
  /** Throws when the instance or its source cannot be read. */
  errantTransactions(key: InstanceKey): Promise<ErrantSeen>;
  /** Throws NOT_FOUND when there are none. */
  locateErrant(key: InstanceKey): Promise<readonly string[]>;
  restartStatements(key: InstanceKey, between: string | null): Promise<readonly string[]>;
  lastExecutedRelayEntry(key: InstanceKey): Promise<LogEvent>;
  /** This and the next three throw NOT_FOUND with the reason. */
  lastPseudoGtid(key: InstanceKey): Promise<Mark>;
  findBinlogEntry(key: InstanceKey, text: string): Promise<BinlogCoordinates>;
  correlateBinlog(key: InstanceKey, wish: Correlating): Promise<BinlogCoordinates>;
  correlateRelayLog(key: InstanceKey, wish: Correlating): Promise<RelayPlaces>;
  /** @param wish within: null = for as long as it takes */
  waitForPosition(key: InstanceKey, wish: {readonly at: BinlogCoordinates; readonly within: Seconds | null}): Promise<Instance>;
  /** Makes it anew from another; throws REFUSED, RECOVERY_FAILED, OUTCOME_UNKNOWN, CONTENDED. */
  reprovision(request: ReprovisionRequest): Promise<Reprovisioned>;
  killQuery(key: InstanceKey, wish: {readonly session: number; readonly by: string}): Promise<Instance>;
}

export interface Correlating {
  /** Null: where the first stands now. */
  readonly at: BinlogCoordinates | null;
  /** In whose logs the same is looked for. */
  readonly other: InstanceKey;
}
