import type {Instance, Thread} from '../../model/instance.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Expectation} from './wish.ts';

/** One that had failed may run for a moment before it meets the same event again. */
const STEADY_AFTER_ERROR: Milliseconds = 500;

/** Both threads run, and go on running where the applier had failed before. */
export function replicates(before: Instance): Expectation {
  return {steadyFor: steadyFor(before), check: (after) => bothAre('running', after)};
}

function steadyFor({replication}: Instance): Milliseconds {
  return replication && replication.applier.errno !== 0 ? STEADY_AFTER_ERROR : 0;
}

export const STOPPED: Expectation = {steadyFor: 0, check: (after) => bothAre('stopped', after)};

/** One look is enough. */
export function expect(check: Expectation['check']): Expectation {
  return {steadyFor: 0, check};
}

/** Both of these. */
export function both(first: Expectation, second: Expectation): Expectation {
  return {
    steadyFor: Math.max(first.steadyFor, second.steadyFor),
    check: (after) => first.check(after) ?? second.check(after),
  };
}

/** Threads as they were before: a running one runs again, a stopped one was not started. */
export function asBefore(before: Instance): Expectation {
  const {replication} = before;
  if (!replication) return expect((after) => (after.replication ? 'it is a replica' : null));
  const wanted = [replication.receiver, replication.applier].map(({state}) => state !== 'stopped');
  return {
    steadyFor: steadyFor(before),
    check: ({replication: now}) => {
      if (!now) return 'it is not a replica any more';
      const faults = [now.receiver, now.applier].map((thread, at) =>
        wanted[at] === (thread.state === 'running') || (!wanted[at] && thread.state === 'stopped') ? null : threadText(at, thread),
      );
      return faults.find((fault) => fault !== null) ?? null;
    },
  };
}

function bothAre(state: 'running' | 'stopped', {replication}: Instance): string | null {
  if (!replication) return 'it is not a replica';
  const faults = [replication.receiver, replication.applier].map((thread, at) => (thread.state === state ? null : threadText(at, thread)));
  return faults.find((fault) => fault !== null) ?? null;
}

function threadText(at: number, {state, errno, error}: Thread): string {
  const name = at === 0 ? 'receiver' : 'applier';
  const what = state === 'other' ? 'is not connected yet' : state === 'running' ? 'runs' : 'does not run';
  return `its ${name} ${what}${errno === 0 ? '' : ` (error ${errno}: ${error})`}`;
}
