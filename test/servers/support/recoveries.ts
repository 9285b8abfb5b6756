import {waitFor, type Instance} from '../../sandbox/index.ts';
import {rows, type Site} from './site.ts';

/** Columns of `topology_recovery` that tests look at. */
export interface RecoveryRow {
  readonly recovery_id: number;
  readonly uid: string;
  readonly hostname: string;
  readonly port: number;
  readonly analysis: string;
  readonly is_successful: number;
  readonly in_active_period: number;
  readonly successor_port: number | null;
  readonly end_recovery: string | null;
  readonly lost_slaves: string;
  readonly all_errors: string;
  readonly acknowledged: number;
}

export function recoveriesOf(at: Site): Promise<readonly RecoveryRow[]> {
  return rows<RecoveryRow>(at, 'topology_recovery');
}

/** Waits until the recovery of a source has ended, well or not. */
export async function recoveryOf(at: Site, failed: Instance, within = 60_000): Promise<RecoveryRow> {
  return waitFor(
    `the recovery of ${failed.name} has ended`,
    async () => {
      const found = (await recoveriesOf(at)).find((row) => row.port === failed.key.port && row.end_recovery !== null);
      if (found) return found;
      throw new Error(JSON.stringify(await recoveriesOf(at)));
    },
    {within},
  );
}

/** What the audit of one recovery says, in order. */
export async function stepsOf(at: Site, uid: string): Promise<readonly string[]> {
  const found = await rows<{recovery_step_id: number; message: string}>(at, 'topology_recovery_steps', {recovery_uid: uid});
  return [...found].sort((a, b) => a.recovery_step_id - b.recovery_step_id).map(({message}) => message);
}

/** Findings that were registered, as `CODE of port`. */
export async function detectionsAt(at: Site): Promise<readonly string[]> {
  const found = await rows<{analysis: string; port: number}>(at, 'topology_failure_detection');
  return found.map(({analysis, port}) => `${analysis} of ${port}`);
}

/** Reasons of downtimes, by port. */
export async function downtimesAt(at: Site): Promise<Readonly<Record<number, string>>> {
  const found = await rows<{port: number; reason: string}>(at, 'database_instance_downtime', {downtime_active: 1});
  return Object.fromEntries(found.map(({port, reason}) => [port, reason]));
}
