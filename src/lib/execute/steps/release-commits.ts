import {OrchestratorError} from '../../errors/errors.ts';
import {settings} from '../../flavor/rows.ts';
import {showUptimeAndSemiSync, waitingCommits} from '../../flavor/semi-sync.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {drain} from './drain.ts';
import type {Hand} from './hands.ts';
import {mustFollow} from './repoint.ts';
import {waitFor} from './wait.ts';

/** Commits that nobody acknowledges in this time are held; a replica that acknowledges does it in a few milliseconds. */
const HELD_FOR: Milliseconds = 300;
const CONNECTED_WITHIN: Milliseconds = 5000;
/** A commit that comes while a receiver is restarted may be received, and its acknowledgement lost: then it is held in its turn. */
const ROUNDS = 5;
const LOOK_EACH: Milliseconds = 20;

interface Releasing {
  /** They acknowledge by now, and follow by GTID. */
  readonly replicas: readonly Instance[];
  handOn(replica: Instance): Promise<Hand>;
  /** For applying what was received. */
  readonly patience: Milliseconds;
}

/**
 * Lets go of commits that wait since before its replicas acknowledged. What a replica received before, it was not asked to acknowledge;
 * and following by GTID it asks for what comes after, whereupon its source does not know where it stands. Only the next transaction would
 * set the waiting ones free, and there is none once all clients wait (measured: MariaDB 10.11, MySQL 9.7). One that asks by file and
 * position has received all that comes before, and its source counts that as an acknowledgement: so each does that for a moment, having
 * applied everything. Bears repetition.
 *
 * @throws OrchestratorError REPLICATION_BROKEN while commits are held
 */
export async function releaseCommits(source: Hand, {replicas, handOn, patience}: Releasing): Promise<string> {
  const name = keyText(source.key);
  if (!(await holdsCommits(source))) return `no commit is held on ${name}`;
  const rounds = Array.from({length: ROUNDS}, () => replicas).flat();
  for (const replica of rounds) {
    const hand = await handOn(replica);
    await askByPosition(hand, replica, patience);
    if (!(await holdsCommits(source))) return `${name} commits again`;
  }
  throw new OrchestratorError('REPLICATION_BROKEN', `commits on ${name} still wait for replicas to acknowledge them`, {
    hint: 'look at its semi-sync variables; switching semi-sync off there lets them go, and tells clients that they are safe',
  });
}

async function holdsCommits(source: Hand): Promise<boolean> {
  const before = await commitsOn(source);
  if (before.waiting === 0) return false;
  const moved = await waitFor(
    async () => {
      const now = await commitsOn(source);
      return now.waiting === 0 || now.acknowledged > before.acknowledged ? true : null;
    },
    {within: HELD_FOR, every: LOOK_EACH},
  );
  return moved === null;
}

async function commitsOn(source: Hand): Promise<ReturnType<typeof waitingCommits>> {
  return waitingCommits(settings(await source.say(showUptimeAndSemiSync)));
}

/** Connects by file and position, and then by GTID again, whatever came of it. */
async function askByPosition(hand: Hand, replica: Instance, patience: Milliseconds): Promise<void> {
  const source = (await hand.replication())?.source;
  if (!source) throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(hand.key)} is not a replica any more`, {});
  await drain(hand, replica, patience);
  const at = (await hand.replication())?.executed;
  await hand.say(hand.flavor.stopReplication);
  try {
    if (at) await connectFrom(hand, at);
  } finally {
    await drain(hand, replica, patience);
    await hand.say(hand.flavor.stopReplication);
    await hand.say(hand.flavor.commands.followByGtid);
    await hand.say(hand.flavor.startReplication);
  }
  await mustFollow(hand, source, 0);
}

async function connectFrom(hand: Hand, at: {readonly file: string; readonly position: number}): Promise<void> {
  await hand.say(hand.flavor.commands.followByPosition(at));
  await hand.say(hand.flavor.startReplication);
  await waitFor(async () => ((await hand.replication())?.receiver.state === 'running' ? true : null), {
    within: CONNECTED_WITHIN,
    every: LOOK_EACH,
  });
}
