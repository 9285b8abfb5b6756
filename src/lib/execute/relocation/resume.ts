import type {KeptLock} from '../../coordination/lock/keep.ts';
import type {JournaledSession} from '../../coordination/lock/sessions.ts';
import type {LockHold} from '../../coordination/types.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Environment} from '../environment.ts';
import {handsUnder} from '../under-lock.ts';
import {conductRelocation, type Relocating} from './conduct.ts';

/** A relocation that was resumed, at its end. */
export interface Relocated {
  readonly outcome: 'relocated';
  readonly uid: string;
  readonly moved: readonly InstanceKey[];
  readonly problems: readonly string[];
}

interface Resuming extends Omit<Relocating, 'hands'> {
  readonly hold: LockHold;
  readonly lock: KeptLock;
  readonly former: readonly JournaledSession[];
}

/** Goes on with a relocation, from wherever its journal stands. */
export async function goOnRelocating(env: Environment, {lock, former, ...what}: Resuming): Promise<Relocated> {
  const hands = handsUnder(env, {hold: what.hold, lock, former});
  try {
    const {uid, outcomes, errors} = await conductRelocation(env, {...what, hands});
    const problems = [...outcomes.flatMap(({ok, because}) => (ok ? [] : [because])), ...errors];
    return {outcome: 'relocated', uid, moved: outcomes.filter(({ok}) => ok).map(({key}) => key), problems};
  } finally {
    hands.release();
  }
}
