import type {Knex} from 'knex';
import type {InstanceKey} from '../../model/instance-key.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Backend, Work} from '../backend.ts';
import {fitter} from '../fit.ts';
import {keysList} from '../instances/keys-text.ts';
import {acknowledgeWithin} from './acknowledge.ts';
import {endActivePeriod} from './active-period.ts';
import {forPurpose, notMended, purposeOf, type RecoveryPurpose} from './purposes.ts';

const fit = fitter('topology_recovery');
const fitBlocked = fitter('blocked_topology_recovery');

export interface NewRecovery {
  readonly uid: string;
  readonly failed: InstanceKey;
  readonly analysis: string;
  readonly cluster: string;
  readonly alias: string;
  readonly replicas: readonly InstanceKey[];
  readonly node: {readonly hostname: string; readonly token: string};
  /** A person asked: earlier recoveries that are complete are acknowledged and do not block. */
  readonly forced: boolean;
}

export type Registration =
  | {readonly registered: true; readonly recoveryId: number}
  | {readonly registered: false; readonly blockedBy: number; readonly because: string};

interface ActiveRow {
  recovery_id: number;
  hostname: string;
  port: number;
  cluster_name: string;
  start_active_period: string;
  successor_hostname: string | null;
  successor_port: number | null;
}

/**
 * Writes the row of a recovery, unless an earlier one is still in its active period (anti-flapping): of the same instance, the one
 * that promoted this instance, or, where the source of the cluster is replaced, one that replaced it. What was put right on a source that
 * lives blocks only that the same thing is put right there again. Inside a fenced transaction; the cluster lock keeps others out.
 * Repeated with the same uid (the answer to a COMMIT was lost) it gives the same answer.
 */
export async function registerRecovery(work: Work, recovery: NewRecovery): Promise<Registration> {
  const ours = await recoveryId(work, recovery.uid);
  if (ours !== null) return {registered: true, recoveryId: ours};
  if (recovery.forced) await acknowledgeCompleted(work, recovery.failed);
  const blocking = await findBlocking(work, recovery);
  if (blocking) {
    await writeBlocked(work, recovery, blocking.recovery_id);
    return {registered: false, blockedBy: Number(blocking.recovery_id), because: blockedSentence(blocking)};
  }
  await endActivePeriod(work, (active) => void forPurpose(active.where(instanceOf(recovery.failed)), 'mend'));
  await work.db('topology_recovery').insert(await newRow(work, recovery));
  return {registered: true, recoveryId: (await recoveryId(work, recovery.uid)) ?? 0};
}

async function recoveryId({db}: Work, uid: string): Promise<number | null> {
  const row: {recovery_id: number} | undefined = await db('topology_recovery').where({uid}).first('recovery_id');
  return row === undefined ? null : Number(row.recovery_id);
}

async function newRow({db, dialect}: Work, {failed, ...recovery}: NewRecovery): Promise<Record<string, unknown>> {
  const detection: {last?: number | null} | undefined = await db('topology_failure_detection')
    .where({hostname: failed.host, port: failed.port})
    .max({last: 'detection_id'})
    .first();
  const row = fit({
    hostname: failed.host,
    port: failed.port,
    in_active_period: 1,
    end_active_period_unixtime: 0,
    processing_node_hostname: recovery.node.hostname,
    processcing_node_token: recovery.node.token,
    analysis: recovery.analysis,
    cluster_name: recovery.cluster,
    cluster_alias: recovery.alias,
    count_affected_slaves: recovery.replicas.length,
    slave_hosts: keysList(recovery.replicas),
    participating_instances: '',
    lost_slaves: '',
    all_errors: '',
    acknowledged_by: '',
    acknowledge_comment: '',
    last_detection_id: Number(detection?.last ?? 0),
    uid: recovery.uid,
  });
  return {...row, start_active_period: dialect.now()};
}

interface Blockable extends Pick<NewRecovery, 'failed' | 'cluster'> {
  readonly purpose: RecoveryPurpose;
}

/** Why an automatic recovery would not be registered now (anti-flapping), in a sentence; null: nothing is in its way. */
export async function whyBlocked(backend: Backend, recovery: Blockable): Promise<string | null> {
  const blocking = await backend.run((work) => blockingOne(work, recovery));
  return blocking ? blockedSentence(blocking) : null;
}

function findBlocking(work: Work, recovery: NewRecovery): Promise<ActiveRow | undefined> {
  const purpose = purposeOf(recovery.analysis);
  if (recovery.forced) return latest(others(work).where(instanceOf(recovery.failed)));
  return purpose === 'mend' ? blockingMend(work, recovery) : blockingOne(work, {...recovery, purpose});
}

/** The same thing put right a while ago; and whatever else was done about the instance, of which there is one active row at most. */
function blockingMend({db}: Work, {failed, analysis}: NewRecovery): Promise<ActiveRow | undefined> {
  const active = db('topology_recovery').where('in_active_period', 1).where(instanceOf(failed));
  return latest(active.where((any) => void any.where({analysis}).orWhere((rest) => void notMended(rest))));
}

function blockingOne(work: Work, {failed, cluster, purpose}: Blockable): Promise<ActiveRow | undefined> {
  return latest(
    others(work).where(
      (any) =>
        void any
          .where(instanceOf(failed))
          .orWhere((whole) => {
            if (purpose === 'replace') void forPurpose(whole.where('cluster_name', cluster), 'replace');
            else void whole.where(work.db.raw('1 = 0'));
          })
          .orWhere({successor_hostname: failed.host, successor_port: failed.port}),
    ),
  );
}

/** In their active period, and more than something put right. */
function others({db}: Work): Knex.QueryBuilder {
  return notMended(db('topology_recovery').where('in_active_period', 1));
}

async function latest(rows: Knex.QueryBuilder): Promise<ActiveRow | undefined> {
  return (await rows.orderBy('recovery_id', 'desc').first()) as ActiveRow | undefined;
}

function instanceOf({host, port}: InstanceKey): {hostname: string; port: number} {
  return {hostname: host, port};
}

async function acknowledgeCompleted(work: Work, failed: InstanceKey): Promise<void> {
  await acknowledgeWithin(work, {by: 'orchestrator', comment: 'detected forced recovery'}, (query) =>
    query.where({hostname: failed.host, port: failed.port}).whereNotNull('end_recovery'),
  );
}

async function writeBlocked({db, dialect}: Work, {failed, cluster, analysis}: NewRecovery, blocker: number): Promise<void> {
  const row = fitBlocked({hostname: failed.host, port: failed.port, cluster_name: cluster, analysis, blocking_recovery_id: blocker});
  await db('blocked_topology_recovery')
    .insert({...row, last_blocked_timestamp: dialect.now()})
    .onConflict(['hostname', 'port'])
    .merge();
}

function blockedSentence(row: ActiveRow): string {
  const whom = keyText({host: row.hostname, port: row.port});
  return `recovery ${row.recovery_id} of ${whom} in cluster ${row.cluster_name} began at ${row.start_active_period} and still blocks others (RecoveryPeriodBlockSeconds); acknowledge it (ack-instance-recoveries -i ${whom}) to allow another`;
}

/** The successor was seen writable: only now is it a success. */
export async function recordSuccessor({db}: Work, uid: string, {successor, alias}: {successor: InstanceKey; alias: string}): Promise<void> {
  await db('topology_recovery')
    .where({uid})
    .update(fit({is_successful: 1, successor_hostname: successor.host, successor_port: successor.port, successor_alias: alias}));
}

export interface RecoveryEnding {
  readonly lost: readonly InstanceKey[];
  readonly participating: readonly InstanceKey[];
  readonly errors: readonly string[];
}

/** Nothing more will be done. The active period goes on, against flapping. */
export async function writeRecoveryEnd({db, dialect}: Work, uid: string, {lost, participating, errors}: RecoveryEnding): Promise<void> {
  await db('topology_recovery')
    .where({uid})
    .update({
      ...fit({lost_slaves: keysList(lost), participating_instances: keysList(participating), all_errors: errors.join('\n')}),
      end_recovery: dialect.now(),
    });
}

/** Nobody was opened or moved by it: it does not block the next one. */
export async function unblock(work: Work, uid: string): Promise<void> {
  await endActivePeriod(work, (active) => void active.where({uid}));
}

/** The same for a recovery that is given up: where somebody has ended it meanwhile, what they wrote stands. */
export async function writeRecoveryAbort(work: Work, uid: string, ending: RecoveryEnding): Promise<void> {
  const open: unknown = await work.db('topology_recovery').where({uid}).whereNull('end_recovery').first('uid');
  if (open !== undefined) await writeRecoveryEnd(work, uid, ending);
}

/**
 * Why a plan must not be resumed; null while our row stands as we left it. Nodes of 3.2.6 acknowledge what they take for crashed, and an
 * asynchronous backend may have lost the row.
 */
export async function whyNotOpen({db}: Work, uid: string): Promise<string | null> {
  const row: {in_active_period: number; end_recovery: string | null} | undefined = await db('topology_recovery')
    .where({uid})
    .first('in_active_period', 'end_recovery');
  if (row === undefined) return 'its row is gone: the backend has lost it, or somebody has deleted it';
  return row.in_active_period === 1 && row.end_recovery === null ? null : 'it was acknowledged or ended by somebody else meanwhile';
}
