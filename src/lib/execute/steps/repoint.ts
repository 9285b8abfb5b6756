import {isCode, OrchestratorError} from '../../errors/errors.ts';
import {DETACHED_PREFIX, keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import {drain} from './drain.ts';
import type {Hand} from './hands.ts';
import {waitFor} from './wait.ts';

/** How long a replica may take to be connected to its new source before it is reported as not following. */
const CONNECTED_WITHIN: Milliseconds = 5000;
/** An applier that had failed may run for a moment before it meets the same transaction again. */
const STEADY_FOR: Milliseconds = 500;
/** What the new source has anyway is not waited for longer than this before it is fetched again. */
const REFETCH_AFTER: Milliseconds = 1000;

interface To {
  readonly source: InstanceKey;
  /** For applying what was received. */
  readonly patience: Milliseconds;
  /** The new source has everything this one received: what is not applied in a moment may be dropped and fetched again. */
  readonly refetch: boolean;
  /** Waits until the new source can take it, where that is not certain; the replica has applied all it will by then. */
  ready?(): Promise<void>;
}

/**
 * Makes a replica follow another source by GTID, keeping what it received: where the server allows it the applier goes on
 * running; elsewhere everything received is applied first (coordination.md §6). Bears repetition.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when it does not connect to the new source
 */
export async function repoint(hand: Hand, instance: Instance, to: To): Promise<string> {
  const now = await hand.replication();
  if (now === null) throw broken(hand, 'is not a replica any more', null);
  if (!(sameKey(now.source, to.source) && now.receiver.state === 'running')) await pointReceiverAt(hand, instance, {...to, now});
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, to.source, now.applier.errno === 0 ? 0 : STEADY_FOR);
  return `${keyText(hand.key)} follows ${keyText(to.source)}`;
}

async function pointReceiverAt(hand: Hand, instance: Instance, to: To & {readonly now: Replication}): Promise<void> {
  const usesGtid = to.now.usingOracleGtid || to.now.usingMariadbGtid;
  if (hand.flavor.repointsWhileApplying && to.now.usingOracleGtid && to.now.applier.state === 'running') {
    await hand.say(hand.flavor.stopReceiver);
    await hand.pointReceiverAt(to.source);
    return;
  }
  await drainOrRefetch(hand, instance, to);
  await hand.say(hand.flavor.stopReplication);
  await to.ready?.();
  await hand.pointAt({source: to.source, gtid: usesGtid});
}

async function drainOrRefetch(hand: Hand, instance: Instance, {patience, refetch}: To): Promise<void> {
  try {
    await drain(hand, instance, refetch ? Math.min(patience, REFETCH_AFTER) : patience);
  } catch (error) {
    if (!(refetch && isCode(error, 'REPLICATION_BROKEN'))) throw error;
  }
}

/** Waits until the receiver is connected to the source and the applier runs, and has done so for a while. */
export async function mustFollow(hand: Hand, source: InstanceKey, steadyFor: Milliseconds): Promise<void> {
  let last: Replication | null = null;
  let since: Monotonic | null = null;
  const follows = await waitFor(
    async () => {
      last = await hand.replication();
      if (!last || !sameKey(last.source, source)) return null;
      if (last.receiver.state === 'stopped' && last.receiver.errno !== 0) throw broken(hand, 'stopped receiving', last);
      if (last.applier.state === 'stopped' && last.applier.errno !== 0) throw broken(hand, 'stopped applying', last);
      since = last.receiver.state === 'running' && last.applier.state === 'running' ? (since ?? performance.now()) : null;
      return since !== null && performance.now() - since >= steadyFor ? true : null;
    },
    {within: CONNECTED_WITHIN, every: 5},
  );
  if (!follows) throw broken(hand, `does not follow ${keyText(source)} after ${CONNECTED_WITHIN / 1000} s`, last);
}

/**
 * Points a replica at a host that does not exist, so that nobody starts it by accident; what it received is applied first, and
 * where that fails it is left as it is.
 */
export async function detach(hand: Hand, instance: Instance, patience: Milliseconds): Promise<string> {
  const now = await hand.replication();
  if (!now?.source) return `${keyText(hand.key)} is detached already`;
  await drain(hand, instance, patience);
  await hand.say(hand.flavor.stopReplication);
  const host = `${DETACHED_PREFIX}${now.sourceHostAsWritten}`;
  await hand.say(hand.flavor.commands.renameSource(host, await positionToKeep(hand)));
  return `${keyText(hand.key)} is detached: it points at ${host}`;
}

/** Where it has applied to, which a server forgets when it is told another host; null by GTID. */
async function positionToKeep(hand: Hand): Promise<Replication['executed']> {
  const now = await hand.replication();
  if (now?.usingOracleGtid || now?.usingMariadbGtid) return null;
  if (now?.executed) return now.executed;
  throw broken(hand, 'does not say where in the log of its source it has applied to', now);
}

function broken(hand: Hand, what: string, seen: Replication | null): OrchestratorError {
  const errors = [seen?.receiver, seen?.applier].flatMap((thread) => (thread?.errno ? [`error ${thread.errno}: ${thread.error}`] : []));
  return new OrchestratorError('REPLICATION_BROKEN', [`${keyText(hand.key)} ${what}`, ...errors].join('; '), {
    hint: 'look at its replication status; it is left as it is',
  });
}
