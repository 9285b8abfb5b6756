import {unreachable} from '../../errors/errors.ts';
import {planInjectErrant, planResetErrant} from './errant.ts';
import {planDisableGtid, planEnableGtid} from './gtid.ts';
import {planFlush, planPurge, planReadOnly, planSemiSync, planSkip} from './server.ts';
import {planDelay, planDetach, planReattach, planReset, planRestart, planStart, planStop} from './threads.ts';
import type {InstanceDecision, InstanceWish, Seen} from './wish.ts';

/** What a person's wish comes to, given what was seen: acts and what must be seen after them, or why nothing is done. */
export function planInstance(wish: InstanceWish, seen: Seen): InstanceDecision {
  switch (wish.do) {
    case 'start-replica':
      return planStart(seen);
    case 'stop-replica':
      return planStop(seen, false);
    case 'stop-replica-nice':
      return planStop(seen, true);
    case 'restart-replica':
      return planRestart(seen);
    case 'reset-replica':
      return planReset(seen);
    case 'detach-replica-source-host':
      return planDetach(seen);
    case 'reattach-replica-source-host':
      return planReattach(seen);
    case 'delay-replication':
      return planDelay(seen, wish.delay);
    case 'skip-query':
      return planSkip(seen);
    case 'enable-gtid':
      return planEnableGtid(seen);
    case 'disable-gtid':
      return planDisableGtid(seen);
    case 'gtid-errant-reset':
      return planResetErrant(seen);
    case 'gtid-errant-inject-empty':
      return planInjectErrant(seen);
    case 'set-read-only':
      return planReadOnly(seen, true);
    case 'set-writeable':
      return planReadOnly(seen, false);
    case 'semi-sync':
      return planSemiSync(seen, wish.role, wish.on);
    case 'flush-binary-logs':
      return planFlush(seen, wish.until);
    case 'purge-binary-logs':
      return planPurge(seen, wish.before);
    default:
      return unreachable(wish);
  }
}
