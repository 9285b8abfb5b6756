import type {AnalysisCode} from '../../analysis/codes.ts';
import {compareKeys, keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {BackendTime, Seconds} from '../../model/units.ts';
import type {Backend} from '../backend.ts';

const LAST = 'database_instance_last_analysis';
const CHANGES = 'database_instance_analysis_changelog';

export interface Changelog {
  readonly key: InstanceKey;
  /** Oldest first. */
  readonly changes: readonly {readonly at: BackendTime; readonly code: string}[];
}

/** Row of `database_instance_analysis_changelog`; never leaves this file. */
interface ChangeRow {
  hostname: string;
  port: number;
  analysis_timestamp: string;
  analysis: string;
}

/**
 * Notes what analysis says about an instance, where it says something else than before. What it says first is no change.
 *
 * @returns whether it was a change
 */
export async function noteAnalysis(backend: Backend, key: InstanceKey, code: AnalysisCode): Promise<boolean> {
  const where = {hostname: key.host, port: key.port};
  return backend.transaction(async ({db, dialect}) => {
    const said = {analysis: code, analysis_timestamp: dialect.now()};
    if ((await db(LAST).where(where).whereNot('analysis', code).update(said)) === 0) {
      await db(LAST)
        .insert({...where, ...said})
        .onConflict(['hostname', 'port'])
        .ignore();
      return false;
    }
    await db(CHANGES).insert({...where, ...said});
    return true;
  });
}

/** All changes there are, by instance. */
export async function readChangelog(backend: Backend): Promise<readonly Changelog[]> {
  const rows: readonly ChangeRow[] = await backend.run(({db}) =>
    db(CHANGES).select('hostname', 'port', 'analysis_timestamp', 'analysis').orderBy('changelog_id'),
  );
  const byKey = Map.groupBy(rows, (row) => keyText({host: row.hostname, port: row.port}));
  return [...byKey.values()]
    .map((its) => ({
      key: {host: its[0]?.hostname ?? '', port: its[0]?.port ?? 0},
      changes: its.map((row) => ({at: row.analysis_timestamp, code: row.analysis})),
    }))
    .sort((a, b) => compareKeys(a.key, b.key));
}

export async function purgeChangelog(backend: Backend, lasting: Seconds): Promise<number> {
  return backend.run(({db, dialect}) => db(CHANGES).where('analysis_timestamp', '<', dialect.ago(lasting)).delete());
}
