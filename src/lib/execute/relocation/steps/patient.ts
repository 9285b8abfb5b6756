import {isCode} from '../../../errors/errors.ts';
import type {Statement} from '../../../flavor/flavor.ts';
import type {Milliseconds} from '../../../model/units.ts';
import type {Hand} from '../../steps/hands.ts';

/** How long a server may answer late in all: it stops and starts between two events, and a large one takes its time. */
const LATE_WITHIN: Milliseconds = 20_000;

/**
 * A hand that says once more, over another session, what a server that lives did not answer in time. Only for statements that bear
 * repetition: the first one may still be at work.
 */
export function patient(hand: Hand, again: () => Promise<Hand>, within: Milliseconds = LATE_WITHIN): Hand {
  let current = hand;
  const say: Hand['say'] = async (statement: Statement, timeout) => {
    const until = performance.now() + within;
    for (;;) {
      try {
        return await current.say(statement, timeout);
      } catch (error) {
        if (!isCode(error, 'SERVER_TIMEOUT') || performance.now() >= until) throw error;
        current = await again();
      }
    }
  };
  return hand.saying(say);
}
