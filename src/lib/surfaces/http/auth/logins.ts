import {createHash} from 'node:crypto';
import type {Milliseconds, Monotonic} from '../../../model/units.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** How many wrong logins in a row an address has before it has to wait, and how soon it gets one back. */
const PATIENCE = 20;
const REGAINED_EACH: Milliseconds = 5000;
/** Anybody can be an address; memory must not grow with that. */
const MOST_ADDRESSES = 10_000;
const MOST_LOGINS = 100;

interface Caller {
  wrong: number;
  at: Monotonic;
  /** Logins that were right, as digests: guessing from an address that many share must not lock the others out. */
  readonly right: Set<string>;
}

/**
 * Keeps passwords from being guessed: an address that was wrong too often is not listened to for a while, right or wrong. Logins that
 * were right from there before still are.
 */
export class Logins {
  readonly #callers = new Map<string, Caller>();
  readonly #now: () => Monotonic;

  constructor(now: () => Monotonic = () => performance.now()) {
    this.#now = now;
  }

  /** @param isRight asked only of those who are listened to */
  judge(address: string, login: Login, isRight: () => boolean): 'right' | 'wrong' | 'wait' {
    const caller = this.#caller(address);
    const digest = createHash('sha256').update(`${login.user}\0${login.password}`).digest('base64');
    if (caller.wrong >= PATIENCE && !caller.right.has(digest)) return 'wait';
    if (!isRight()) {
      caller.wrong += 1;
      caller.right.delete(digest);
      return 'wrong';
    }
    if (caller.right.size < MOST_LOGINS) caller.right.add(digest);
    return 'right';
  }

  #caller(address: string): Caller {
    const now = this.#now();
    const known = this.#callers.get(address);
    const caller = known ?? {wrong: 0, at: now, right: new Set()};
    const regained = Math.floor((now - caller.at) / REGAINED_EACH);
    if (regained > 0) {
      caller.wrong = Math.max(0, caller.wrong - regained);
      caller.at += regained * REGAINED_EACH;
    }
    this.#callers.delete(address);
    this.#callers.set(address, caller);
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > MOST_ADDRESSES && oldest !== undefined) this.#callers.delete(oldest);
    return caller;
  }
}
