import {setTimeout as sleep} from 'node:timers/promises';
import {messageOf} from '../errors/errors.ts';
import type {Milliseconds, Monotonic} from '../model/units.ts';
import type {Timing} from './timing.ts';

/** Where the loops of this room say what happens. */
export type Log = (level: 'info' | 'warn' | 'error', sentence: string) => void;

/** `lost`: the row is not ours any more. `late`: our own clock ran out. `stopped`: we were told to. */
export type EndOfHold = 'lost' | 'late' | 'stopped';

export interface Keeping<Held> {
  readonly first: Held;
  /** One renewal; null when the row is not ours any more, an error when the backend could not be asked. */
  readonly renew: (held: Held) => Promise<Held | null>;
  readonly onRenewed: (held: Held) => void;
  readonly timing: Timing;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Renews until the row is lost, our clock runs out, or we are told to stop. A renewal that fails is tried again after a random
 * pause: no error deposes, only the deadline does. It does so also while a renewal hangs.
 */
export async function keepRenewing<Held extends {readonly validUntil: Monotonic}>(keeping: Keeping<Held>): Promise<EndOfHold> {
  const {timing, signal} = keeping;
  let held = keeping.first;
  let next = performance.now() + timing.renewEach;
  while (await pauseUntil(Math.min(next, held.validUntil), signal)) {
    if (performance.now() >= held.validUntil) return 'late';
    next = performance.now() + timing.renewEach;
    const answer = await renewInTime(keeping, held);
    if (answer === 'failed') next = performance.now() + Math.random() * timing.retryWithin;
    else if (typeof answer === 'string') return answer;
    else {
      held = answer;
      keeping.onRenewed(held);
    }
  }
  return 'stopped';
}

async function renewInTime<Held extends {readonly validUntil: Monotonic}>(
  {renew, signal, log}: Keeping<Held>,
  held: Held,
): Promise<Held | EndOfHold | 'failed'> {
  const answered = new AbortController();
  const renewal = renew(held).then(
    (renewed) => renewed ?? 'lost',
    (error: unknown) => {
      log('warn', `a renewal failed and is tried again: ${messageOf(error)}`);
      return 'failed' as const;
    },
  );
  const deadline = pauseUntil(held.validUntil, AbortSignal.any([signal, answered.signal])).then((over) => (over ? 'late' : 'stopped'));
  try {
    const answer = await Promise.race([renewal, deadline]);
    // an answer that comes after the deadline prolongs nothing: others were already told that it is over
    return performance.now() < held.validUntil || answer === 'lost' ? answer : 'late';
  } finally {
    answered.abort();
  }
}

/** Waits until our clock shows `time`; false as soon as we are told to stop. */
export function pauseUntil(time: Monotonic, signal: AbortSignal): Promise<boolean> {
  return pause(time - performance.now(), signal);
}

/** Waits; false as soon as we are told to stop. */
export async function pause(length: Milliseconds, signal: AbortSignal = new AbortController().signal): Promise<boolean> {
  if (signal.aborted) return false;
  return sleep(Math.max(0, length), true, {signal}).catch((error: unknown) => {
    if (signal.aborted) return false;
    throw error;
  });
}
