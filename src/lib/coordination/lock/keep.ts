import {messageOf} from '../../errors/errors.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Backend} from '../../store/backend.ts';
import {keepRenewing, type EndOfHold, type Log} from '../keep-renewing.ts';
import type {Timing} from '../timing.ts';
import type {LockHold} from '../types.ts';
import {heartbeat, mayStillSend, releaseLock} from './hold.ts';
import {prolongMaintenance} from './maintenance.ts';

export interface KeepLockOptions {
  /** Used by nothing that may take long: the heartbeats must not queue behind it. */
  readonly backend: Backend;
  readonly hold: LockHold;
  readonly timing: Timing;
  /** Called once, after `current()` has become null, with a sentence. */
  readonly onLost: (reason: string) => void;
  readonly log: Log;
}

/** A lock that is kept alive until it is released, stopped, or lost. */
export interface KeptLock {
  /** The hold, if our own clock says now that it is valid. */
  current(): LockHold | null;
  /** Whether a statement that may take this long may be sent now. */
  mayStillSend(timeout: Milliseconds): boolean;
  /** Ends the heartbeats and gives the lock back; false when it was not ours any more. */
  release(): Promise<boolean>;
  /** Ends the heartbeats and leaves the lock, for whoever takes it over. */
  stop(): Promise<void>;
}

/** Renews maintenance rows, which 3.2.6 lets run out after ten minutes, once in so many heartbeats. */
const PROLONG_EVERY = 60;

/** Keeps a lock alive by heartbeats of its own. */
export function keepLock(options: KeepLockOptions): KeptLock {
  const {backend, timing, onLost, log} = options;
  const stopping = new AbortController();
  let hold: LockHold | null = options.hold;
  let beats = 0;
  const beat = async (held: LockHold): Promise<LockHold | null> => {
    beats += 1;
    const kept = await heartbeat(backend, held, timing);
    if (kept !== null && beats % PROLONG_EVERY === 0) {
      await prolongMaintenance(backend, kept, timing.attempt).catch((error: unknown) =>
        log('warn', `maintenance was not prolonged: ${messageOf(error)}`),
      );
    }
    return kept;
  };
  const ended = keepRenewing({
    first: options.hold,
    renew: beat,
    onRenewed: (kept) => (hold = kept),
    timing,
    signal: stopping.signal,
    log,
  }).then((end) => {
    if (end === 'stopped') return;
    hold = null;
    onLost(REASONS[end]);
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
    hold = null;
  };
  const current = (): LockHold | null => (hold !== null && performance.now() < hold.validUntil ? hold : null);
  return {
    current,
    mayStillSend: (timeout) => hold !== null && !stopping.signal.aborted && mayStillSend(hold, timeout),
    stop,
    release: async () => {
      await stop();
      return releaseLock(backend, options.hold);
    },
  };
}

const REASONS: Record<Exclude<EndOfHold, 'stopped'>, string> = {
  lost: 'the lock was taken over by somebody else, or the backend has lost it',
  late: 'the lock could not be renewed in time',
};
