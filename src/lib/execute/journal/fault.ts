import type {JournaledAct} from './acts.ts';

/**
 * A place for tests of interruption to end this process, from ORCHESTRATOR_FAULT: `before:3` or `after:3` kills it with SIGKILL
 * before act 3 has any effect, or after its effect and before it is marked done. Null when the variable is not set.
 */
export function actFault(env: NodeJS.ProcessEnv): ((when: 'before' | 'after', act: Pick<JournaledAct, 'number'>) => void) | null {
  const match = /^(before|after):(\d+)$/.exec(env['ORCHESTRATOR_FAULT'] ?? '');
  if (!match) return null;
  return (when, act) => {
    if (when === match[1] && act.number === Number(match[2])) process.kill(process.pid, 'SIGKILL');
  };
}
