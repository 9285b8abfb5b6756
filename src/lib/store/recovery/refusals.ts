import type {InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime} from '../../model/units.ts';
import type {Candidate} from '../../plan/plan.ts';
import type {VetoCode} from '../../plan/vetoes.ts';
import type {Backend, Work} from '../backend.ts';

const TABLE = 'recovery_refusal';
/** Of its columns. */
const LONGEST = {cluster: 128, analysis: 128} as const;

/** Why the leader does not recover an instance, as it said last. */
export interface NewStandingRefusal {
  readonly key: InstanceKey;
  readonly cluster: string;
  /** The finding. */
  readonly analysis: string;
  readonly code: VetoCode;
  /** One sentence. */
  readonly because: string;
  readonly candidates: readonly Candidate[];
}

export interface StandingRefusal extends Omit<NewStandingRefusal, 'code'> {
  /** A VetoCode, of this version or a later one. */
  readonly code: string;
  /** Host of the leader that refused. */
  readonly by: string;
  readonly term: number;
  readonly at: BackendTime;
}

/** Row of `recovery_refusal`, exactly as stored; never leaves this file. */
interface RefusalRow {
  hostname: string;
  port: number;
  cluster_name: string;
  analysis: string;
  code: string;
  because: string;
  candidates: string;
  node_hostname: string;
  term: number | string;
  refused_at: string;
}

/**
 * Puts refusals in the place of the last ones about those instances, in one statement: inside a transaction that the lease fences,
 * which holds the row of the lease until it ends.
 */
export async function writeRefusals(
  {db, dialect}: Work,
  by: {hostname: string; term: number},
  refusals: readonly NewStandingRefusal[],
): Promise<void> {
  if (refusals.length === 0) return;
  const rows = refusals.map(({key, cluster, analysis, code, because, candidates}) => ({
    hostname: key.host,
    port: key.port,
    cluster_name: cluster.slice(0, LONGEST.cluster),
    analysis: analysis.slice(0, LONGEST.analysis),
    code,
    because,
    candidates: JSON.stringify(candidates),
    node_hostname: by.hostname,
    term: by.term,
    refused_at: dialect.now(),
  }));
  await db(TABLE).insert(rows).onConflict(['hostname', 'port']).merge();
}

/** They were recovered, or nothing is wrong with them any more. One statement. */
export async function forgetRefusals({db}: Work, keys: readonly InstanceKey[]): Promise<void> {
  if (keys.length === 0) return;
  await db(TABLE)
    .whereIn(
      ['hostname', 'port'],
      keys.map(({host, port}) => [host, port]),
    )
    .delete();
}

/** Refusals that stand, the latest first; of one instance, or of all. */
export async function readRefusals(backend: Backend, key?: InstanceKey): Promise<readonly StandingRefusal[]> {
  const rows: readonly RefusalRow[] = await backend.run(({db}) => {
    const query = db(TABLE).orderBy('refused_at', 'desc').orderBy(['hostname', 'port']);
    return key === undefined ? query : query.where({hostname: key.host, port: key.port});
  });
  return rows.map((row) => ({
    key: {host: row.hostname, port: row.port},
    cluster: row.cluster_name,
    analysis: row.analysis,
    code: row.code,
    because: row.because,
    candidates: JSON.parse(row.candidates) as readonly Candidate[],
    by: row.node_hostname,
    term: Number(row.term),
    at: row.refused_at,
  }));
}
