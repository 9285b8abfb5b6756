import {isCode, OrchestratorError, unreachable} from '../../errors/errors.ts';
import {parseBinlogs} from '../../flavor/commands/common.ts';
import type {Statement} from '../../flavor/flavor.ts';
import {isMariadb, type Instance, type Replication} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {historyWithout} from '../../plan/instance/errant.ts';
import {canSendAgain} from '../../plan/instance/received.ts';
import {usesGtid} from '../../plan/instance/threads.ts';
import type {InstanceAct, Seen} from '../../plan/instance/wish.ts';
import type {Prober} from '../eyes/prober.ts';
import type {Hand, Hands} from '../steps/hands.ts';
import {waitFor} from '../steps/wait.ts';
import {historyOf, transactionToSkip} from './relay-log.ts';
import {stopSafely} from './stop-safely.ts';

/** Removing files takes a server as long as it takes. */
const FILES_WITHIN: Milliseconds = 60_000;

/** How long a binary log may be in use that replicas have passed. */
const PURGED_WITHIN: Milliseconds = 5000;

/** A replica that has just connected applies its first event in no time. */
const POSITION_WITHIN: Milliseconds = 5000;

export interface Workshop {
  readonly hands: Hands;
  readonly prober: Prober;
  readonly seen: Seen;
  /** For applying what was received. */
  readonly patience: Milliseconds;
  /** Writes into the audit what has to be known should we not come back; before it is done. */
  note(what: string): Promise<void>;
}

/**
 * Does one act, under the lock.
 *
 * @returns what people should know
 * @throws OrchestratorError REFUSED, SERVER_*, OUTCOME_UNKNOWN, DEADLINE_PASSED
 */
export async function performAct(shop: Workshop, act: InstanceAct): Promise<readonly string[]> {
  const {seen, hands} = shop;
  const hand = await hands.on(seen.instance);
  switch (act.act) {
    case 'say':
      return sayAll(act.on ? await hands.on(mustKnow(shop, act.on)) : hand, act.statements);
    case 'stop':
      return stopSafely(hand, seen.instance, {
        drops: act.drops,
        mustApply: act.mustApply,
        force: seen.force,
        patience: shop.patience,
        again: () => hands.on(seen.instance),
        sourceHas: (replication) => sourceHas(shop, replication),
      });
    case 'await-position':
      await waitFor(async () => (await hand.replication())?.executed ?? null, {within: POSITION_WITHIN, every: 50});
      await appliedTo(hand, 'always');
      return [];
    case 'rename-source':
      return sayAll(hand, [hand.flavor.commands.renameSource(act.host, await appliedTo(hand, 'unless-gtid'))]);
    case 'follow-by-position':
      return followByPosition(hand);
    case 'rewrite-history':
      return rewriteHistory(shop, act.without);
    case 'purge':
      return purge(shop, act.before);
    case 'skip':
      return skip(hand, act.how);
    default:
      return unreachable(act);
  }
}

async function sayAll(hand: Hand, statements: readonly Statement[]): Promise<readonly string[]> {
  for (const statement of statements) await hand.say(statement);
  return [];
}

function mustKnow({prober}: Workshop, key: Instance['key']): Instance {
  const known = prober.model.get(key);
  if (known) return known;
  throw new OrchestratorError('NOT_FOUND', `${keyText(key)} is not known any more`);
}

async function sourceHas({prober}: Workshop, replication: Replication): Promise<boolean> {
  const source = replication.source ? await prober.probe(replication.source) : null;
  return source?.check.valid === true && canSendAgain(source, replication);
}

/** Where it has applied to in the log of its source; null by GTID, which does not need to be told. */
async function appliedTo(hand: Hand, when: 'always' | 'unless-gtid'): Promise<Replication['executed']> {
  const now = await hand.replication();
  if (now && usesGtid(now) && when === 'unless-gtid') return null;
  if (now?.executed) return now.executed;
  throw new OrchestratorError('REFUSED', `${keyText(hand.key)} does not say where in the log of its source it has applied to`, {
    hint: 'let it connect to its source once',
  });
}

async function followByPosition(hand: Hand): Promise<readonly string[]> {
  const at = await appliedTo(hand, 'always');
  return at ? sayAll(hand, [hand.flavor.commands.followByPosition(at)]) : [];
}

/** Between the two statements the server has no history at all, so what it is to be is written down before, and said if it fails. */
async function rewriteHistory(shop: Workshop, without: string): Promise<readonly string[]> {
  const {instance, above} = shop.seen;
  const mariadb = isMariadb(instance);
  const hand = await shop.hands.on(instance);
  const history = async (): Promise<string> => historyOf(await shop.hands.on(instance));
  const wanted = historyWithout(without, await history(), {mariadb, source: above[0]?.gtid.binlogState ?? ''});
  const set = hand.flavor.commands.setHistory(wanted);
  // Should we end between the two statements, the server's history is nowhere else.
  if (wanted !== '') await shop.note(`its binary log is emptied; should its history be empty too, say: ${withValue(set, wanted)}`);
  await sayLong(hand, hand.flavor.commands.resetBinlog, async () => (await history()) === '');
  if (wanted === '') return [];
  try {
    await (await shop.hands.on(instance)).say(set);
  } catch (error) {
    throw new OrchestratorError('OUTCOME_UNKNOWN', `the binary log of ${keyText(hand.key)} is empty, and its history may be too`, {
      hint: `before replication is started there, say: ${withValue(set, wanted)}`,
      cause: error,
    });
  }
  return [];
}

function withValue({text}: Statement, value: string): string {
  return text.replace('?', `'${value}'`);
}

async function purge(shop: Workshop, before: string): Promise<readonly string[]> {
  const {commands} = (await shop.hands.on(shop.seen.instance)).flavor;
  const first = async (): Promise<boolean> => {
    const hand = await shop.hands.on(shop.seen.instance);
    return parseBinlogs(await hand.say(commands.showBinlogs))[0] === before;
  };
  // A log that is still being sent to a replica is left out, until that one has come to the next.
  const gone = await waitFor(
    async () => {
      await sayLong(await shop.hands.on(shop.seen.instance), commands.purgeBinlogs(before), first);
      return (await first()) ? true : null;
    },
    {within: PURGED_WITHIN, every: 250},
  );
  if (gone) return [];
  throw new OrchestratorError('SERVER_STATEMENT_FAILED', `${keyText(shop.seen.instance.key)} still has binary logs before ${before}`, {
    hint: 'one of them may be in use',
  });
}

/** A statement that may take longer than one may be waited for; then it is waited for what it does. */
async function sayLong(hand: Hand, statement: Statement, done: () => Promise<boolean>): Promise<void> {
  try {
    await hand.say(statement);
  } catch (error) {
    if (!isCode(error, 'SERVER_TIMEOUT')) throw error;
    const seen = await waitFor(async () => ((await done()) ? true : null), {within: FILES_WITHIN, every: 250});
    if (!seen) throw error;
  }
}

async function skip(hand: Hand, how: 'empty-transaction' | 'counter'): Promise<readonly string[]> {
  const {commands, startReplication} = hand.flavor;
  if (how === 'counter') return sayAll(hand, [commands.skipNext, startReplication]);
  const gtid = await transactionToSkip(hand);
  await sayAll(hand, [...commands.emptyTransactions([gtid]), startReplication]);
  return [`${keyText(hand.key)} left out ${gtid}`];
}
