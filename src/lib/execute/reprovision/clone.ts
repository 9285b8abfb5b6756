import {setTimeout as sleep} from 'node:timers/promises';
import type {Config} from '../../config/keys.ts';
import {isCode, OrchestratorError} from '../../errors/errors.ts';
import {
  allowCloning,
  allowDonor,
  cloneFrom,
  NOT_SUPERVISED,
  parseCloneStatus,
  showCloneStatus,
  type CloneStatus,
} from '../../flavor/clone.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Monotonic} from '../../model/units.ts';
import {errnoOf} from '../../servers/failure.ts';
import type {Hand} from '../steps/hands.ts';

const LOOK_EACH: Milliseconds = 250;
/** Between two sentences about how far it is. */
const SAY_EACH: Milliseconds = 10_000;

export interface Cloning {
  /** On the server that is made anew; asked again after its restart. */
  hand(): Promise<Hand>;
  readonly from: InstanceKey;
  /** The account that clones is ours. */
  readonly config: Pick<Config, 'MySQLTopologyUser' | 'MySQLTopologyPassword'>;
  /** For the clone, and for the server to be back after it. */
  readonly within: Milliseconds;
  progress(sentence: string): void;
}

/**
 * Replaces all data of a server by another's, and waits until it is back with it. The server restarts by itself where something
 * supervises it; elsewhere it shuts down, and whoever runs it has to start it.
 *
 * @throws OrchestratorError RECOVERY_FAILED with the server's reason; OUTCOME_UNKNOWN when it is not back in time
 */
export async function cloneInto(cloning: Cloning): Promise<void> {
  const hand = await cloning.hand();
  const name = keyText(hand.key);
  const before = await statusOf(hand);
  if ((await hand.replication()) !== null) await hand.say(hand.flavor.stopReplication);
  await hand.say(allowDonor(cloning.from));
  await hand.say(allowCloning);
  cloning.progress(`${name} begins to clone from ${keyText(cloning.from)}`);
  await begin(cloning, hand);
  await untilBack(cloning, name, before);
}

async function begin(cloning: Cloning, hand: Hand): Promise<void> {
  try {
    await hand.say(cloneFrom(cloning.from, {user: cloning.config.MySQLTopologyUser, password: cloning.config.MySQLTopologyPassword}));
  } catch (error) {
    // It takes longer than one waits for a statement, or the server is on its way down: both are told by what it says next.
    if (isCode(error, 'SERVER_TIMEOUT', 'SERVER_UNREACHABLE') || errnoOf(error) === NOT_SUPERVISED) return;
    for (const statement of hand.flavor.setReadOnly(true, true)) await hand.say(statement);
    throw error;
  }
}

async function untilBack(cloning: Cloning, name: string, before: CloneStatus | null): Promise<void> {
  const until = performance.now() + cloning.within;
  let saidAt: Monotonic = performance.now();
  for (;;) {
    const status = await seen(cloning, name);
    const ours = status !== null && status.begun !== before?.begun ? status : null;
    if (ours?.state === 'Completed') return;
    if (ours?.state === 'Failed') {
      throw new OrchestratorError('RECOVERY_FAILED', `${name} could not be cloned (error ${ours.errno}: ${ours.error})`, {
        hint: 'its data may be gone; look at its error log',
      });
    }
    if (performance.now() > until) throw notBack(name, ours);
    if (performance.now() - saidAt > SAY_EACH) {
      saidAt = performance.now();
      cloning.progress(
        ours ? `${name} has cloned ${ours.percent ?? 0} %` : `${name} is down after the clone: start it if nothing else does`,
      );
    }
    await sleep(LOOK_EACH);
  }
}

function notBack(name: string, status: CloneStatus | null): OrchestratorError {
  const what = status ? `is still cloning (${status.percent ?? 0} %)` : 'is not back after it was cloned';
  return new OrchestratorError('OUTCOME_UNKNOWN', `${name} ${what}`, {
    hint: 'start it if it is down; then close it (set-read-only) and relocate it below its source, or run reprovision again with a longer --timeout',
  });
}

/** Null while it cannot be asked. */
async function seen({hand}: Cloning, name: string): Promise<CloneStatus | null> {
  try {
    return await statusOf(await hand());
  } catch (error) {
    if (error instanceof OrchestratorError && error.code === 'DEADLINE_PASSED') throw error;
    if (error instanceof OrchestratorError && error.code.startsWith('SERVER_')) return null;
    throw new Error(`the clone of ${name} cannot be followed`, {cause: error});
  }
}

async function statusOf(hand: Hand): Promise<CloneStatus | null> {
  return parseCloneStatus(await hand.say(showCloneStatus));
}
