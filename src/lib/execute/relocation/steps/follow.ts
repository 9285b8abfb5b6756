import {OrchestratorError, messageOf} from '../../../errors/errors.ts';
import {GtidSet} from '../../../model/gtid-set.ts';
import type {Replication} from '../../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../../model/instance-key.ts';
import {BinlogState, readMariadbPosition, type MariadbGtid} from '../../../model/mariadb-gtid.ts';
import {drain, stopReceiving} from '../../steps/drain.ts';
import type {Hand} from '../../steps/hands.ts';
import {mustFollow, repoint} from '../../steps/repoint.ts';
import {waitFor} from '../../steps/wait.ts';
import type {Aside} from './positions.ts';
import {variableOn} from '../../steps/variable.ts';

/**
 * Makes a replica follow another source by GTID and sees it do so. What it received is applied first where its server would drop it,
 * unless the source is seen to have all of it. One that cannot follow is put back to where it was. Bears repetition.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when it does not get there
 */
export async function follow({hand, instance, patience}: Omit<Aside, 'bystanders'>, target: Omit<Aside, 'bystanders'>): Promise<string> {
  const before = await hand.replication();
  if (before === null) throw broken(hand, 'is not a replica any more');
  const source = target.hand.key;
  const mayStop = !follows(before, source) && !keepsRelayLog(hand, before);
  try {
    if (mayStop) await stopReceiving(hand, instance);
    const refetch = mayStop && (await hasReceived(target.hand, await receivedBy(hand, before)));
    const ready = hand.flavor.gtid === 'domain-list' ? () => mustReach(target.hand, hand, patience) : undefined;
    return await repoint(hand, instance, {source, patience, refetch, ...(ready ? {ready} : {})});
  } catch (error) {
    throw await putBack(hand, before, error);
  }
}

function follows({source, receiver}: Replication, key: InstanceKey): boolean {
  return sameKey(source, key) && receiver.state === 'running';
}

/** Its receiver alone is pointed elsewhere, and nothing that was received is touched. */
function keepsRelayLog({flavor}: Hand, {usingOracleGtid, applier}: Replication): boolean {
  return flavor.repointsWhileApplying && usingOracleGtid && applier.state === 'running';
}

/** MariaDB with both threads stopped has only what it has applied. */
async function receivedBy(hand: Hand, before: Replication): Promise<string> {
  const gone = hand.flavor.dropsRelayLogWhenStopped && before.receiver.state === 'stopped' && before.applier.state === 'stopped';
  return gone ? '' : ((await hand.replication())?.retrievedGtid ?? '');
}

/** Whether a server has, and could send, all of this. */
async function hasReceived(target: Hand, received: string): Promise<boolean> {
  if (received === '') return true;
  if (target.flavor.gtid === 'domain-list') return reaches(await stateOf(target), positionsIn(received));
  const [ours, theirs] = [GtidSet.read(received), GtidSet.read(await variableOn(target, 'gtid_executed'))];
  return ours !== null && theirs !== null && ours.subtract(theirs).isEmpty;
}

/** A MariaDB source refuses who asks for more than it has; it may be a replica that has not come that far yet. */
async function mustReach(target: Hand, mover: Hand, within: number): Promise<void> {
  const wanted = positionsIn(await variableOn(mover, 'gtid_slave_pos'));
  const reached = await waitFor(async () => (reaches(await stateOf(target), wanted) ? true : null), {within, every: 20});
  if (reached) return;
  throw new OrchestratorError(
    'REPLICATION_BROKEN',
    `${keyText(target.key)} does not have what ${keyText(mover.key)} has applied, not within ${Math.round(within / 1000)} s either`,
    {hint: 'compare gtid_binlog_state of the one with gtid_slave_pos of the other'},
  );
}

interface MariadbState {
  readonly binlog: BinlogState;
  readonly applied: ReadonlyMap<number, MariadbGtid>;
}

async function stateOf(hand: Hand): Promise<MariadbState> {
  return {
    binlog: BinlogState.read(await variableOn(hand, 'gtid_binlog_state')) ?? BinlogState.empty,
    applied: readMariadbPosition(await variableOn(hand, 'gtid_slave_pos')) ?? new Map<number, MariadbGtid>(),
  };
}

/** In its log, or the very place where it stands itself. */
function reaches({binlog, applied}: MariadbState, wanted: readonly MariadbGtid[]): boolean {
  return wanted.every((gtid) => {
    const own = applied.get(gtid.domain);
    return binlog.contains(gtid) === 'yes' || (own?.sequence === gtid.sequence && own.server === gtid.server);
  });
}

function positionsIn(text: string): readonly MariadbGtid[] {
  return [...(readMariadbPosition(text) ?? new Map<number, MariadbGtid>()).values()];
}

/** Who could not get to a new source goes on below the old one, where it did so before. */
async function putBack(hand: Hand, before: Replication, error: unknown): Promise<unknown> {
  if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED' || !before.source) return error;
  try {
    const now = await hand.replication();
    if (!sameKey(now?.source, before.source) && before.receiver.state === 'running') {
      await hand.say(hand.flavor.stopReplication);
      await hand.pointAt({source: before.source, gtid: true});
    }
    if (before.receiver.state !== 'stopped') await hand.say(hand.flavor.startReplication);
    return new OrchestratorError(error.code, `${error.message}; it is back at ${keyText(before.source)}`, {cause: error});
  } catch (another) {
    const more = `${error.message}; nor could it be put back to ${keyText(before.source)}: ${messageOf(another)}`;
    return new OrchestratorError(error.code, more, {hint: 'look at its replication status', cause: error});
  }
}

/**
 * Makes a replica follow a server with the same log as its source, at the position it has, and sees it do so. Bears repetition.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when it does not get there
 */
export async function followSameLog({hand, instance, patience}: Aside, source: InstanceKey): Promise<string> {
  const before = await hand.replication();
  if (before === null) throw broken(hand, 'is not a replica any more');
  if (!sameKey(before.source, source)) {
    await drain(hand, instance, patience).catch(async (error: unknown) => {
      if (before.receiver.state !== 'stopped' && error instanceof OrchestratorError && error.code !== 'DEADLINE_PASSED')
        await hand.say(hand.flavor.startReceiver);
      throw error;
    });
    await hand.say(hand.flavor.stopReplication);
    const at = (await hand.replication())?.executed;
    if (!at) throw broken(hand, 'does not say where it stands');
    await hand.pointAt({source, gtid: false, at});
  }
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, source, 0);
  return `${keyText(hand.key)} follows ${keyText(source)}`;
}

export function broken(hand: Hand, what: string): OrchestratorError {
  return new OrchestratorError('REPLICATION_BROKEN', `${keyText(hand.key)} ${what}`, {hint: 'look at its replication status'});
}
