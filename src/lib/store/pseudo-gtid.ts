import type {Seconds} from '../model/units.ts';
import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'cluster_injected_pseudo_gtid';
const fit = fitter(TABLE);
/** After the last entry was written; logs that hold older ones are still there then, as a rule. */
const COUNTS_FOR: Seconds = 3600;

/** Writes down that Pseudo-GTID entries are written to sources of these clusters. */
export async function noteMarkedClusters(backend: Backend, clusters: readonly string[]): Promise<void> {
  if (clusters.length === 0) return;
  await backend.run(async ({db, dialect}) => {
    const rows = clusters.map((cluster) => ({...fit({cluster_name: cluster}), time_injected: dialect.now()}));
    await db(TABLE).insert(rows).onConflict('cluster_name').merge();
  });
}

/** Names of clusters to which Pseudo-GTID entries were written in the last hour. */
export async function markedClusters(backend: Backend): Promise<ReadonlySet<string>> {
  const rows: readonly {cluster_name: string}[] = await backend.run(({db, dialect}) =>
    db(TABLE).where('time_injected', '>=', dialect.ago(COUNTS_FOR)).select('cluster_name'),
  );
  return new Set(rows.map((row) => row.cluster_name));
}
