import type {Config} from '../config/keys.ts';
import type {Flavor} from '../flavor/flavor.ts';
import {textOf} from '../flavor/rows.ts';
import type {Session} from '../servers/servers.ts';
import type {Answer, Asking} from './answers.ts';
import {reportedReplicas} from './replicas.ts';

/** `dumps` is null where it was not needed for the list. */
export interface Listed {
  readonly replicas: Answer;
  readonly dumps: Answer | null;
}

/**
 * The list of replicas a server keeps. One that `mayListLost` is asked for it only when other receivers are connected than the last
 * time, and never when none is: each question may be its last.
 */
export async function askReplicas(
  asking: Asking,
  {session, flavor}: {readonly session: Session; readonly flavor: Flavor},
): Promise<Listed> {
  if (!flavor.mayListLost) return {replicas: await asking.ask(flavor.showReplicas), dumps: null};
  const dumps = await asking.ask(flavor.showDumps);
  if ('error' in dumps) return {replicas: dumps, dumps};
  const receivers = dumps.rows
    .map((row) => textOf(row['host']))
    .sort()
    .join();
  const known = session.memory.replicas;
  if (known?.receivers === receivers) return {replicas: {rows: known.rows}, dumps};
  const replicas: Answer = receivers === '' ? {rows: []} : await asking.ask(flavor.showReplicas);
  if ('rows' in replicas) session.memory.replicas = {receivers, rows: replicas.rows};
  return {replicas, dumps};
}

/**
 * Whether there is nobody to be looked for elsewhere. Every replica is in the list: on MySQL without a host unless it reports one, on
 * MariaDB then with the address it connects from (10.5 to 11.8, measured).
 */
export function areAllListed(replicas: Answer, config: Config): boolean {
  if ('error' in replicas) return false;
  const reported = reportedReplicas(replicas.rows).length;
  return reported === replicas.rows.length || (config.DiscoverByShowSlaveHosts && reported > 0);
}
