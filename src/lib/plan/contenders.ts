import type {Config} from '../config/keys.ts';
import {matchesInstance} from '../config/filters.ts';
import {isMariadb, type Instance} from '../model/instance.ts';
import {sameKey, type InstanceKey} from '../model/instance-key.ts';
import {compareVersions, parseVersion, readVersion} from '../model/version.ts';
import type {ReplicatePolicy} from './can-replicate.ts';
import {backlogText, holdingsOf, servesOthers, type Holding} from './holdings.ts';
import type {RefusalCode} from './plan.ts';

/** The part of the configuration that promotions read. */
export type PlanPolicy = ReplicatePolicy &
  Pick<
    Config,
    | 'PromotionIgnoreHostnameFilters'
    | 'CoMasterRecoveryMustPromoteOtherCoMaster'
    | 'PreventCrossDataCenterMasterFailover'
    | 'PreventCrossRegionMasterFailover'
    | 'FailMasterPromotionOnLagMinutes'
    | 'FailMasterPromotionIfSQLThreadNotUpToDate'
    | 'DelayMasterPromotionIfSQLThreadNotUpToDate'
    | 'RecoveryDrainTimeoutSeconds'
    | 'PromoteErrantIfMostAdvanced'
    | 'DetachLostReplicasAfterMasterFailover'
    | 'DetachLostSlavesAfterMasterFailover'
    | 'ApplyMySQLPromotionAfterMasterFailover'
    | 'MasterFailoverDetachReplicaMasterHost'
    | 'MasterFailoverDetachSlaveMasterHost'
    | 'PseudoGTIDPattern'
    | 'PostponeReplicaRecoveryOnLagMinutes'
    | 'EnforceExactSemiSyncReplicas'
    | 'RecoverLockedSemiSyncMaster'
  >;

/** What a person may say beside the configuration. */
export interface PlanWishes {
  /** Promote this one; its promotion rule does not count then. */
  readonly candidate?: InstanceKey;
  /** Go on where received transactions may be dropped. With `candidate` also where that one is errant. */
  readonly allowDataLoss?: boolean;
  /** Who took the place of the source above the failed one, as recorded; for a dead intermediate source. */
  readonly heir?: InstanceKey;
  /** Who took the place of this very instance, as recorded, and was not replaced by it since; for one that is to be opened. */
  readonly replacedBy?: InstanceKey;
  /** Asked for by a person: downtime does not hold it back. */
  readonly forced?: boolean;
}

export interface Case {
  readonly failed: Instance;
  readonly policy: PlanPolicy;
  readonly wishes: PlanWishes;
}

/** Why something is not possible; completes "HOST:PORT …". */
export interface Veto {
  readonly code: RefusalCode;
  readonly because: string;
}

/** A reachable direct replica of the failed source, with what speaks against promoting it or fetching from it. */
export interface Contender extends Holding {
  /** Must not be promoted, whatever it holds. */
  readonly veto: Veto | null;
  /** What it received cannot all be applied. */
  readonly undrainable: Veto | null;
}

export function contendersOf(replicas: readonly Instance[], at: Case): readonly Contender[] {
  return holdingsOf(at.failed, replicas).map((holding) => ({
    ...holding,
    veto: firstOf(VETOES, holding, at),
    undrainable: firstOf(DRAIN_VETOES, holding, at),
  }));
}

/** Drained before it is pointed elsewhere this replica would hold up everything after it. */
export function isSlow({replica, backlog}: Holding): boolean {
  const {receiver, applier, delay = 0} = replica.replication ?? {};
  if (replica.check.latency > SLOW_TO_ANSWER) return true;
  if (receiver === undefined || applier?.state !== 'running') return true;
  return !repointsWhileApplying(replica) && (delay > 0 || backlog > QUICK_BACKLOG);
}

/** Follows the successor after everybody else, and hooks that tell of the successor do not wait for it (PostponeReplicaRecoveryOnLagMinutes). */
export function isPostponed({replica}: Holding, {PostponeReplicaRecoveryOnLagMinutes: minutes}: PlanPolicy): boolean {
  const {delay = 0, lag = 0} = replica.replication ?? {};
  return minutes > 0 && Math.max(delay, lag ?? 0) > minutes * 60;
}

/** Transactions that are applied in a few tens of milliseconds. */
const QUICK_BACKLOG = 100;
/** Nanoseconds; as the predecessor has it. */
const SLOW_TO_ANSWER = 500e6;

/** The first MySQL whose receiver can be pointed elsewhere while the applier runs. */
const REPOINTS_WHILE_APPLYING = parseVersion('5.7.4');

function repointsWhileApplying(replica: Instance): boolean {
  const version = isMariadb(replica) ? null : readVersion(replica.version);
  return version !== null && compareVersions(version, REPOINTS_WHILE_APPLYING) >= 0 && replica.replication?.usingOracleGtid === true;
}

type Check = (holding: Holding, at: Case) => Veto | null;

function firstOf(checks: readonly Check[], holding: Holding, at: Case): Veto | null {
  for (const check of checks) {
    const veto = check(holding, at);
    if (veto) return veto;
  }
  return null;
}

/** In the order in which they are told. */
const VETOES: readonly Check[] = [
  ({received}) => no(received === null, 'no-candidate', 'has positions that cannot be read'),
  (holding) => no(!holding.replica.binlog.enabled, 'no-candidate', 'writes no binary log'),
  (holding) => no(!servesOthers(holding), 'no-candidate', 'does not log what it replicates, so nobody could follow it'),
  ({replica}) =>
    no(replica.otherChannels.length > 0, 'no-candidate', `replicates through other channels too (${replica.otherChannels.join(', ')})`),
  ({replica}) => no(isSecondary(replica), 'no-candidate', 'is a secondary of a replication group'),
  ({replica}) => no(replica.wishes.inMaintenance, 'no-candidate', 'is in maintenance'),
  ({replica}, {policy, wishes}) => (sameKey(replica.key, wishes.candidate) ? null : banned(replica, policy)),
  ({replica}, {failed, policy}) =>
    no(
      policy.PreventCrossDataCenterMasterFailover && replica.place.dataCenter !== failed.place.dataCenter,
      'cross-data-center',
      `is in data center ${name(replica.place.dataCenter)}, not in ${name(failed.place.dataCenter)} (PreventCrossDataCenterMasterFailover)`,
    ),
  ({replica}, {failed, policy}) =>
    no(
      policy.PreventCrossRegionMasterFailover && replica.place.region !== failed.place.region,
      'cross-region',
      `is in region ${name(replica.place.region)}, not in ${name(failed.place.region)} (PreventCrossRegionMasterFailover)`,
    ),
  ({replica}, {policy}) => tooLate(replica, policy),
];

/** A person may override these (`allowDataLoss`). */
const DRAIN_VETOES: readonly Check[] = [
  ({backlog, byPosition}, {policy}) =>
    no(
      policy.FailMasterPromotionIfSQLThreadNotUpToDate && backlog > 0,
      'not-drained',
      `has ${backlogText({backlog, byPosition})} (FailMasterPromotionIfSQLThreadNotUpToDate)`,
    ),
  ({replica, backlog, byPosition}) => {
    const {state, errno, error} = replica.replication?.applier ?? {state: 'none', errno: 0, error: ''};
    const stoppedByError = state !== 'running' && errno !== 0;
    return no(
      stoppedByError,
      'applier-broken',
      `stopped applying with error ${errno}${error && `: ${error}`}${backlog > 0 ? `; it has ${backlogText({backlog, byPosition})}` : ''}`,
    );
  },
  ({replica, backlog, byPosition}, {policy}) => {
    const delay = replica.replication?.delay ?? 0;
    const tooLong = backlog > 0 && delay > policy.RecoveryDrainTimeoutSeconds && !policy.DelayMasterPromotionIfSQLThreadNotUpToDate;
    return no(
      tooLong,
      'not-drained',
      `applies ${delay} s late and has ${backlogText({backlog, byPosition})}, more than RecoveryDrainTimeoutSeconds`,
    );
  },
];

function banned(replica: Instance, policy: PlanPolicy): Veto | null {
  if (replica.wishes.promotionRule === 'must_not') return {code: 'no-candidate', because: 'has promotion rule must_not'};
  const filtered = matchesInstance(policy.PromotionIgnoreHostnameFilters, replica.key);
  return no(filtered, 'no-candidate', 'is named by PromotionIgnoreHostnameFilters');
}

function tooLate({replication}: Instance, {FailMasterPromotionOnLagMinutes: minutes}: PlanPolicy): Veto | null {
  const lag = replication?.lag ?? 0;
  return no(minutes > 0 && lag >= minutes * 60, 'candidate-lags', `lags by ${lag} s (FailMasterPromotionOnLagMinutes = ${minutes})`);
}

function isSecondary({group, key}: Instance): boolean {
  return group !== null && group.state !== 'OFFLINE' && group.primary !== null && !sameKey(group.primary, key);
}

function name(place: string): string {
  return place === '' ? '(unknown)' : place;
}

function no(stands: boolean, code: RefusalCode, because: string): Veto | null {
  return stands ? {code, because} : null;
}
