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

/** Puts the refusal in the place of the last one about that instance; inside a transaction that the lease fences. */
export async function writeRefusal({db, dialect}: Work, by: {hostname: string; term: number}, refusal: NewStandingRefusal): Promise<void> {
  const {key, cluster, analysis, code, because, candidates} = refusal;
  await db(TABLE)
    .insert({
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
    })
    .onConflict(['hostname', 'port'])
    .merge();
}

/** It was recovered, or nothing is wrong with it any more. */
export async function forgetRefusal({db}: Work, {host, port}: InstanceKey): Promise<void> {
  await db(TABLE).where({hostname: host, port}).delete();
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
