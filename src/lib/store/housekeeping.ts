import type {Config} from '../config/keys.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Seconds} from '../model/units.ts';
import {expireDomains, forgetAliases, recomputeAliases} from './aliases.ts';
import {purgeEvents} from './events.ts';
import {purgeChangelog} from './recovery/analysis-changelog.ts';
import {purgeAudit} from './audit.ts';
import type {Backend, Work} from './backend.ts';
import {expireCandidates} from './candidates.ts';
import {expireDetections, purgeDetections} from './recovery/detections.ts';
import {LOST_IN_RECOVERY} from '../model/lost.ts';
import {expireDowntimes, prolongLostInRecovery} from './downtime.ts';
import {expireResolves, expireUnresolves} from './hostname.ts';
import {expireForgotten, forgetDifferentlyResolved, forgetUnseen, placeInstances, unseenSources} from './instances.ts';
import {expireMaintenance} from './maintenance.ts';
import {acknowledgeCrashed, expireBlockedRecoveries, expireRecoveries, purgeRecoveries} from './recovery/recoveries.ts';
import {takeSnapshotWhenDue} from './snapshots.ts';
import {expireCoordinates} from './stale-coordinates.ts';

const MINUTE: Seconds = 60;
const HOUR: Seconds = 3600;
const DAY: Seconds = 86_400;

/** How many rows each task has changed, by its name; tasks that found nothing to do are left out. */
export type Tally = Readonly<Record<string, number>>;

/** For whoever asks for one round by hand. */
const always = (): boolean => true;

/** What the leader does each second: lets blocks of detection and recovery run out, and books recoveries of dead processes. */
export async function keepEachSecond(backend: Backend, config: Config, leads = always): Promise<Tally> {
  return tally(leads, {
    'expire-detections': () => expireDetections(backend, config.FailureDetectionPeriodBlockMinutes * MINUTE),
    'expire-recoveries': () => expireRecoveries(backend, config.RecoveryPeriodBlockSeconds),
    'crashed-recoveries': () => acknowledgeCrashed(backend),
    'expire-blocked-recoveries': () => expireBlockedRecoveries(backend),
  });
}

/** What the leader does each InstancePollSeconds: aliases and downtimes. */
export async function keepEachPoll(backend: Backend, leads = always): Promise<Tally> {
  await recomputeAliases(backend);
  return tally(leads, {
    'prolong-lost-in-recovery': () => prolongLostInRecovery(backend),
    'end-lost-in-recovery': async () => (await endRepairedDowntimes(backend)).length,
    'expire-downtime': () => expireDowntimes(backend),
  });
}

/** What the leader does each minute: everything that ages. */
export async function keepEachMinute(backend: Backend, config: Config, leads = always): Promise<Tally> {
  const unseen = config.UnseenInstanceForgetHours * HOUR;
  const resolves = config.ExpiryHostnameResolvesMinutes * MINUTE;
  const audit = config.AuditPurgeDays * DAY;
  return tally(leads, {
    'inject-unseen-masters': () => placeUnseenSources(backend),
    'forget-unseen': async () => (await forgetUnseen(backend, unseen)).length,
    'forget-unseen-differently-resolved': async () => (await forgetDifferentlyResolved(backend)).length,
    'forget-clustr-aliases': () => forgetAliases(backend, unseen),
    'expire-resolves': () => expireResolves(backend, 2 * resolves),
    'expire-forgotten': () => expireForgotten(backend),
    'expire-unresolves': () => expireUnresolves(backend, resolves),
    'expire-domains': () => expireDomains(backend, resolves),
    'expire-maintenance': () => expireMaintenance(backend),
    'expire-candidates': () => expireCandidates(backend, config.CandidateInstanceExpireMinutes * MINUTE),
    'purge-audit': () => purgeAudit(backend, audit),
    'purge-detections': () => purgeDetections(backend, audit),
    'purge-recoveries': () => purgeRecoveries(backend, audit),
    'purge-events': () => purgeEvents(backend, DAY),
    'purge-changelog': () => purgeChangelog(backend, unseen),
    'expire-stale-coordinates': () => expireCoordinates(backend, Math.max(MINUTE, 2 * config.ReasonableReplicationLagSeconds)),
    ...(config.SnapshotTopologiesIntervalHours > 0
      ? {'snapshot-topologies': () => takeSnapshotWhenDue(backend, config.SnapshotTopologiesIntervalHours * HOUR)}
      : {}),
    ...agingOf(backend, config),
  });
}

/** Tables that hold nothing but what ages, with the column that says when, and how long a row is kept. */
function agingOf(backend: Backend, config: Config): Readonly<Record<string, () => Promise<number>>> {
  const unseen = config.UnseenInstanceForgetHours * HOUR;
  const tables: readonly (readonly [table: string, column: string, lasting: Seconds])[] = [
    ['master_position_equivalence', 'last_suggested', unseen],
    ['database_instance_pool', 'registered_at', config.InstancePoolExpiryMinutes * MINUTE],
    ['cluster_injected_pseudo_gtid', 'time_injected', HOUR],
    ['node_health_history', 'first_seen_active', unseen],
    ['database_instance_coordinates_history', 'recorded_timestamp', 4 * MINUTE],
  ];
  const aging = tables.map(
    ([table, column, lasting]) =>
      [
        `expire-${table}`,
        () => backend.run(({db, dialect}): PromiseLike<number> => db(table).where(column, '<', dialect.ago(lasting)).delete()),
      ] as const,
  );
  const tokens = () =>
    backend.run(({db, dialect}): PromiseLike<number> =>
      db('access_token')
        .where('is_reentrant', 0)
        .where('generated_at', '<', dialect.ago(config.AccessTokenExpiryMinutes * MINUTE))
        .delete(),
    );
  return {...Object.fromEntries(aging), 'expire-access-tokens': tokens};
}

/** One after the other: none is urgent, and together they must not crowd out the rest. What is left when the lease is gone is left to others. */
async function tally(leads: () => boolean, tasks: Readonly<Record<string, () => Promise<number>>>): Promise<Tally> {
  const counts: Record<string, number> = {};
  for (const [name, task] of Object.entries(tasks)) {
    if (!leads()) break;
    const count = await task();
    if (count > 0) counts[name] = count;
  }
  return counts;
}

async function placeUnseenSources(backend: Backend): Promise<number> {
  const keys = await unseenSources(backend);
  await placeInstances(backend, keys);
  return keys.length;
}

/**
 * Ends downtimes of what a recovery left behind once it is back in order: it has been so for a minute, its last check succeeded, and
 * it replicates again or is the only one on top of a cluster with its alias.
 */
export async function endRepairedDowntimes(backend: Backend): Promise<readonly InstanceKey[]> {
  return backend.transaction(async ({db, dialect}) => {
    const rows: readonly {host: string; port: number}[] = await db('database_instance_downtime as downtime')
      .join('database_instance as instance', (join) =>
        join.on('instance.hostname', 'downtime.hostname').andOn('instance.port', 'downtime.port'),
      )
      .where({downtime_active: 1, reason: LOST_IN_RECOVERY})
      .where('begin_timestamp', '<=', dialect.ago(MINUTE))
      .whereRaw('instance.last_checked <= instance.last_seen')
      .where((either) => {
        void either.where({'instance.slave_io_running': 1, 'instance.slave_sql_running': 1}).orWhere((top) => {
          // Without an alias nothing says whose top it is: its cluster may have another source by now, which is what fences it.
          void top.where('instance.replication_depth', 0).whereNot('instance.suggested_cluster_alias', '').whereNotExists(rivalOnTop(db));
        });
      })
      .select({host: 'downtime.hostname', port: 'downtime.port'});
    const keys = rows.map(({host, port}) => [host, port]);
    // only what was looked at: a person may have replaced it by a downtime of theirs meanwhile
    if (keys.length > 0)
      await db('database_instance_downtime').whereIn(['hostname', 'port'], keys).where({reason: LOST_IN_RECOVERY}).delete();
    return rows;
  });
}

function rivalOnTop(db: Work['db']) {
  return db('database_instance as other')
    .whereRaw('other.suggested_cluster_alias = instance.suggested_cluster_alias')
    .whereRaw('(other.hostname <> instance.hostname or other.port <> instance.port)')
    .where('other.replication_depth', 0)
    .select(db.raw('1'));
}
