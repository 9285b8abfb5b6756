import {matchesInstance} from '../../config/filters.ts';
import {followsByPosition, isBinlogServer, isMariadb, isReplicating, type Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import {whyCannotReplicate} from '../can-replicate.ts';
import {isLossless} from '../lossless.ts';
import type {BusySession, Manner, TakeoverPolicy, TakeoverRefusal} from './plan.ts';
import type {Cast} from './steps.ts';

/** A refusal that does not know the candidates yet. */
export type Objection = Omit<TakeoverRefusal, 'candidates'>;

export interface Scene {
  readonly source: Instance;
  /** All direct replicas, reachable or not. */
  readonly replicas: readonly Instance[];
  readonly policy: TakeoverPolicy;
  readonly manner: Manner;
  readonly busy: readonly BusySession[] | null;
  readonly killWriters: boolean;
}

/** What speaks against replacing this source by whomever. */
export function sourceVeto(source: Instance, topology: Topology): Objection | null {
  const name = keyText(source.key);
  if (!source.check.valid) {
    return {
      code: 'source-unreachable',
      unreachable: source.key,
      because: `${name} could not be reached just now (${source.check.reach}), so it could not be closed`,
      hint: 'recover replaces a source that is dead; force-master-failover one that cannot be reached from here',
    };
  }
  if (source.group !== null && source.group.state !== 'OFFLINE')
    return {code: 'group-member', because: `${name} is a member of replication group ${source.group.name}: its group chooses its primary`};
  if (source.wishes.inMaintenance) return {code: 'being-changed', because: `${name} is in maintenance`};
  const replicas = topology.replicasOf(source.key).filter(({check}) => check.valid);
  const without = replicas.filter(followsByPosition);
  if (without.length > 0 && without.length < replicas.length) {
    return {
      code: 'no-gtid',
      because: `${without.map(({key}) => keyText(key)).join(', ')} replicates by file and position, and the others by GTID: they could not follow the same source`,
      hint: 'enable-gtid on it first, or disable-gtid on the others',
    };
  }
  const server = without.find(isBinlogServer);
  if (!server) return null;
  return {
    code: 'cannot-follow',
    because: `${keyText(server.key)} is a binlog server, which has the files of ${name}: where it would go on in those of another nobody can tell`,
  };
}

/** What speaks against this successor; completes "HOST:PORT …". */
export function candidateVeto({replication, ...candidate}: Instance, {policy, manner, source}: Scene): Objection | null {
  const whole = {...candidate, replication};
  if (!isReplicating(whole)) {
    const {receiver, applier} = replication ?? {};
    const broken = [receiver, applier].find((thread) => (thread?.errno ?? 0) !== 0);
    return {
      code: 'not-replicating',
      because: `does not replicate (receiver ${receiver?.state ?? 'none'}, applier ${applier?.state ?? 'none'}${broken ? `, error ${broken.errno}: ${broken.error}` : ''})`,
      hint: 'start-replica, or look at its replication status',
    };
  }
  if (replication?.hasFilters && policy.VerifyReplicationFilters)
    return {code: 'filtered', because: 'replicates with filters, so it lacks what they leave out (VerifyReplicationFilters)'};
  if (isMariadb(whole) !== isMariadb(source)) return {code: 'cannot-follow', because: 'is of another family than its source'};
  if (manner.forced) return null;
  if (candidate.wishes.promotionRule === 'must_not') return {code: 'no-candidate', because: 'has promotion rule must_not'};
  if (matchesInstance(policy.PromotionIgnoreHostnameFilters, candidate.key))
    return {code: 'no-candidate', because: 'is named by PromotionIgnoreHostnameFilters'};
  if ((replication?.delay ?? 0) > 0) return {code: 'candidate-delayed', because: `applies ${replication?.delay} s late on purpose`};
  return lagVeto(replication?.lag ?? null, policy);
}

function lagVeto(lag: number | null, {ReasonableMaintenanceReplicationLagSeconds: limit}: TakeoverPolicy): Objection | null {
  if (lag === null) return {code: 'candidate-lags', because: 'does not say how far it lags'};
  if (lag <= limit) return null;
  return {code: 'candidate-lags', because: `lags by ${lag} s, more than ReasonableMaintenanceReplicationLagSeconds = ${limit}`};
}

/** What speaks against the whole, once it is known who would succeed; in the order in which it is told. */
export function clusterVetoes(cast: Cast, scene: Scene): readonly Objection[] {
  const checks = [keepsPromise, wouldLose, cannotFollow, noCredentials, longTransactions];
  return checks.map((check) => check(cast, scene)).filter((objection) => objection !== null);
}

/** A source that told no client that a transaction is safe before a replica had it is succeeded by one that can do the same. */
function keepsPromise({source, successor}: Cast): Objection | null {
  // So many acknowledgements a source waits for: none, where it has no such role.
  if (!isLossless(source) || successor.semiSync.sourceWaitCount > 0) return null;
  return {
    code: 'no-semi-sync',
    because: `${keyText(source.key)} is lossless (semi-sync), and ${keyText(successor.key)} has not the plugin to be`,
    hint: 'install it there',
  };
}

/** One that nobody could move is only left behind where people have said that it does not count. */
function wouldLose({left, successor}: Cast): Objection | null {
  const counting = left.filter(({replica}) => replica.wishes.downtime === null);
  if (counting.length === 0) return null;
  return {
    code: 'would-lose-replica',
    because: counting
      .map(({replica, because}) => `${keyText(replica.key)} could not follow ${keyText(successor.key)}: ${because}`)
      .join('; '),
    hint: 'designate another successor with -d, repair the replica, or begin a downtime for it, then it is left behind',
  };
}

/** The old source, unless it is not to be started anyway. */
function cannotFollow({source, successor}: Cast, {policy, manner}: Scene): Objection | null {
  if (manner.oldSource !== 'start') return null;
  const because = whyCannotReplicate({...source, replication: null}, {...successor, replication: null}, policy);
  if (because === null) return null;
  return {
    code: 'cannot-follow',
    because: `${keyText(source.key)} could not follow ${keyText(successor.key)}, because ${because}`,
    hint: 'graceful-master-takeover (without -auto) leaves it stopped',
  };
}

function noCredentials({source, successor, siblings}: Cast, {manner}: Scene): Objection | null {
  if (manner.oldSource !== 'start' || knowsCredentials({source, successor, siblings})) return null;
  return {
    code: 'no-credentials',
    because: `nobody says what ${keyText(source.key)} could replicate with`,
    hint: 'set ReplicationCredentialsQuery, or use graceful-master-takeover (without -auto), which leaves it stopped',
  };
}

/** Whether the old source could be set up as a replica that logs in. */
export function knowsCredentials({source, successor, siblings}: Omit<Cast, 'left'>): boolean {
  const own = source.replication?.hasCredentials ?? false;
  return own || [successor, ...siblings].some((one) => one.replicationCredentialsAvailable);
}

function longTransactions({source}: Cast, {busy, policy, manner, killWriters}: Scene): Objection | null {
  if (manner.forced) return null;
  const name = keyText(source.key);
  const limit = policy.TakeoverTransactionLimitSeconds;
  if (busy === null) return {code: 'long-transactions', because: `${name} could not be asked for running transactions`};
  if (busy.length === 0 || killWriters) return null;
  const who = busy.map(({id, user, host, lasting}) => `${id} of ${user}@${host} for ${lasting} s`).join(', ');
  return {
    code: 'long-transactions',
    because: `on ${name} work has been under way for longer than TakeoverTransactionLimitSeconds = ${limit}: session ${who}`,
    hint: 'wait for it, end it with kill-query, or let --kill-writers end it',
  };
}
