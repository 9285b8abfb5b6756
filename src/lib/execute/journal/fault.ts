import type {JournaledAct} from './acts.ts';

/**
 * A place for tests of interruption to end this process, from ORCHESTRATOR_FAULT: `before:3` or `after:3` kills it with SIGKILL
 * before act 3 has any effect, or after its effect and before it is marked done; `before:3:stop` stops it with SIGSTOP, the first time.
 * Null when the variable is not set.
 */
export function actFault(env: NodeJS.ProcessEnv): ((when: 'before' | 'after', act: Pick<JournaledAct, 'number'>) => void) | null {
  const match = /^(before|after):(\d+)(:stop)?$/.exec(env['ORCHESTRATOR_FAULT'] ?? '');
  if (!match) return null;
  let met = false;
  return (when, act) => {
    if (met || when !== match[1] || act.number !== Number(match[2])) return;
    met = true;
    process.kill(process.pid, match[3] ? 'SIGSTOP' : 'SIGKILL');
  };
}
