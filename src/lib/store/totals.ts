import type {Backend} from './backend.ts';

export interface RecoveryTotal {
  /** The finding. */
  readonly type: string;
  readonly result: 'succeeded' | 'failed' | 'running';
  readonly count: number;
}

/** How much there is of what the backend holds. */
export interface Totals {
  readonly instances: number;
  readonly clusters: number;
  /** Open findings by code. */
  readonly findings: ReadonlyMap<string, number>;
  /** Standing refusals of the leader by code. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly recoveries: readonly RecoveryTotal[];
}

interface CodeRow {
  code: string;
  count: number | string;
}

export async function readTotals(backend: Backend): Promise<Totals> {
  return backend.run(async ({db}) => {
    const counted = (await db('database_instance').count({instances: '*'}).countDistinct({clusters: 'cluster_name'}).first()) as
      {instances: number | string; clusters: number | string} | undefined;
    const open: readonly {body: string}[] = await db('topology_event').whereNotNull('open_subject').select('body');
    const refused: readonly CodeRow[] = await db('recovery_refusal').groupBy('code').select('code').count({count: '*'});
    const ended = db.raw('end_recovery is not null');
    const recovered: readonly {analysis: string; is_successful: number; ended: number; count: number | string}[] = await db(
      'topology_recovery',
    )
      .groupBy('analysis', 'is_successful', ended)
      .select('analysis', 'is_successful', db.raw('? as ended', [ended]))
      .count({count: '*'});
    return {
      instances: Number(counted?.instances ?? 0),
      clusters: Number(counted?.clusters ?? 0),
      findings: tally(open.map(({body}) => (JSON.parse(body) as {code: string}).code)),
      refusals: new Map(refused.map(({code, count}) => [code, Number(count)])),
      recoveries: recovered.map((row) => ({
        type: row.analysis,
        result: row.is_successful === 1 ? 'succeeded' : Number(row.ended) === 1 ? 'failed' : 'running',
        count: Number(row.count),
      })),
    };
  });
}

function tally(codes: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]));
}
