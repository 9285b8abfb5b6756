import type {InstanceKey} from '../../model/instance-key.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Demotion, ReturnOutcome, SourceIdentity} from '../../plan/returned-source.ts';
import type {Backend, Work} from '../backend.ts';
import {forPurpose, type RecoveryPurpose} from './purposes.ts';

/** Successful recoveries with the kind of plan they had; rows never leave this file. */
interface RecoveryRow {
  recovery_id: number | string;
  uid: string;
  hostname: string;
  port: number;
  cluster_name: string;
  successor_hostname: string;
  successor_port: number;
  age: number | string;
}

interface PlanRow {
  uid: string;
  recovery_id: number | string;
  kind: string;
  state: string;
  plan: string;
}

/** As far as these are read; what is journaled under `execute/journal/document.ts`. */
interface Document {
  readonly identity?: SourceIdentity;
  readonly tried?: readonly {readonly key: InstanceKey; readonly identity: SourceIdentity}[];
  readonly facts?: {readonly replicas: readonly InstanceKey[]};
  /** By hand, instead of identity and facts. */
  readonly replaces?: {readonly identity: SourceIdentity; readonly replicas: readonly InstanceKey[]};
  readonly plan: {readonly kind: string; readonly failed: InstanceKey; readonly outcome?: ReturnOutcome};
}

/** Kinds of plans that replace a source. */
const DEMOTING: ReadonlySet<string> = new Set(['promote', 'takeover', 'relocate']);
/** A successor may have been replaced itself; so many times is more than anybody's. */
const LONGEST_CHAIN = 64;

/**
 * What is recorded of the last recovery of ours that replaced each of these instances; those that none of ours replaced are left out.
 * By `host:port`.
 */
export async function readDemotions(backend: Backend, keys: readonly InstanceKey[]): Promise<ReadonlyMap<string, Demotion>> {
  if (keys.length === 0) return new Map();
  // Who took in the replicas of an intermediate source was not made a source by that.
  const [recoveries, plans] = await backend.run(
    async (work) => [await recoveriesFor(work, 'replace'), await plansOf(work, ['promote', 'takeover', 'return'])] as const,
  );
  return new Map(
    keys.flatMap((key) => {
      const demotion = demotionOf(key, recoveries, plans);
      return demotion ? [[keyText(key), demotion] as const] : [];
    }),
  );
}

/**
 * What is recorded of the last recovery of ours that gave the replicas of each of these instances another source, within so long; by
 * `host:port`.
 */
export async function readAdoptions(backend: Backend, keys: readonly InstanceKey[]): Promise<ReadonlyMap<string, Demotion>> {
  if (keys.length === 0) return new Map();
  const [recoveries, plans] = await backend.run(
    async (work) => [await recoveriesFor(work, 'move'), await plansOf(work, ['adopt'])] as const,
  );
  const documents = new Map(plans.map((row) => [row.uid, documentOf(row)]));
  return new Map(
    keys.flatMap((key) => {
      const last = recoveries.findLast((row) => documents.has(row.uid) && isOf(row, key));
      return last ? [[keyText(key), adoptionOf(key, last, documents.get(last.uid))] as const] : [];
    }),
  );
}

function adoptionOf(key: InstanceKey, last: RecoveryRow, document: Document | undefined): Demotion {
  return {
    uid: last.uid,
    recoveryId: Number(last.recovery_id),
    key,
    cluster: last.cluster_name,
    identity: null,
    successors: [successorOf(last)],
    adopted: true,
    promotedSince: false,
    age: Number(last.age),
    replicas: replicasIn(document),
    handled: null,
  };
}

async function recoveriesFor({db, dialect}: Work, purpose: RecoveryPurpose): Promise<readonly RecoveryRow[]> {
  return (await forPurpose(db('topology_recovery'), purpose)
    .where('is_successful', 1)
    .whereNotNull('successor_hostname')
    .orderBy('recovery_id')
    .select('recovery_id', 'uid', 'hostname', 'port', 'cluster_name', 'successor_hostname', 'successor_port', {
      age: db.raw('? - ?', [dialect.unix(), dialect.unix('start_active_period')]),
    })) as readonly RecoveryRow[];
}

/**
 * A source replaced by hand has a recovery too, and a plan of another kind. One that is still being carried out counts where a successor is
 * recorded: hooks may take their time after that, and the source may come back meanwhile.
 */
async function plansOf({db}: Work, kinds: readonly string[]): Promise<readonly PlanRow[]> {
  return (
    (await db('recovery_plan')
      .whereIn('state', ['open', 'done', 'aborted'])
      .where(
        (any) =>
          void any
            .whereIn('kind', kinds)
            .orWhere((one) => void one.where('kind', 'relocate').whereIn('uid', db('topology_recovery').select('uid'))),
      )
      // A UID begins with the moment it was made.
      .orderBy('uid')
      .select('uid', 'recovery_id', 'kind', 'state', 'plan')) as readonly PlanRow[]
  );
}

function demotionOf(key: InstanceKey, recoveries: readonly RecoveryRow[], plans: readonly PlanRow[]): Demotion | null {
  const documents = new Map(plans.filter(({kind}) => DEMOTING.has(kind)).map((row) => [row.uid, documentOf(row)]));
  const triedIn = (uid: string) => documents.get(uid)?.tried?.find((one) => keyText(one.key) === keyText(key));
  const last = recoveries.findLast((row) => documents.has(row.uid) && (isOf(row, key) || triedIn(row.uid)));
  if (!last) return null;
  const id = Number(last.recovery_id);
  const returns = plans
    .filter((row) => Number(row.recovery_id) === id && row.kind === 'return' && row.state === 'done')
    .map(documentOf)
    .filter((one) => keyText(one.plan.failed) === keyText(key));
  return {
    uid: last.uid,
    recoveryId: id,
    key,
    cluster: last.cluster_name,
    identity: (isOf(last, key) ? identityIn(documents.get(last.uid)) : triedIn(last.uid)?.identity) ?? null,
    successors: successorsFrom(last, recoveries),
    promotedSince: recoveries.some((row) => Number(row.recovery_id) > id && keyText(successorOf(row)) === keyText(key)),
    age: Number(last.age),
    replicas: replicasIn(documents.get(last.uid)),
    handled: returns.at(-1)?.plan.outcome ?? null,
  };
}

function identityIn(document: Document | undefined): SourceIdentity | undefined {
  return document?.identity ?? document?.replaces?.identity;
}

function replicasIn(document: Document | undefined): readonly InstanceKey[] {
  return document?.facts?.replicas ?? document?.replaces?.replicas ?? [];
}

function successorsFrom(first: RecoveryRow, recoveries: readonly RecoveryRow[]): readonly InstanceKey[] {
  const chain = [successorOf(first)];
  let [id, at] = [Number(first.recovery_id), successorOf(first)];
  while (chain.length < LONGEST_CHAIN) {
    const next = recoveries.find((row) => Number(row.recovery_id) > id && isOf(row, at));
    if (!next) break;
    [id, at] = [Number(next.recovery_id), successorOf(next)];
    chain.push(at);
  }
  return chain;
}

function isOf(row: RecoveryRow, key: InstanceKey): boolean {
  return row.hostname === key.host && Number(row.port) === key.port;
}

function successorOf(row: RecoveryRow): InstanceKey {
  return {host: row.successor_hostname, port: Number(row.successor_port)};
}

function documentOf({plan}: PlanRow): Document {
  return JSON.parse(plan) as Document;
}
