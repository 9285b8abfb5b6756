import {OrchestratorError} from '../errors/errors.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Stopped} from './journal/stopped.ts';
import {bothStopped} from './steps/drain.ts';
import type {Hand, Hands} from './steps/hands.ts';
import {waitFor} from './steps/wait.ts';

/** A thread that was told to start runs, or has failed, within this. */
const STARTED_WITHIN = 2000;

/**
 * Starts what a recovery that is given up had stopped, and sees it started. A MariaDB whose applier failed meanwhile stays stopped:
 * started, it would throw away what it received and did not apply.
 *
 * @returns a sentence for each server, those that could not be started included
 */
export async function startAgain(by: {hands: Hands; topology: Topology}, stopped: Stopped): Promise<readonly string[]> {
  const said = await Promise.all([
    ...stopped.receivers.map((key) => start(by, key, 'receiver')),
    ...stopped.both.map((key) => start(by, key, 'both')),
  ]);
  const left = stopped.left.map(
    (key) => `the receiver of ${keyText(key)} stays stopped: a successor was opened, point it there (relocate) before it is started`,
  );
  return [...said, ...left];
}

async function start({hands, topology}: {hands: Hands; topology: Topology}, key: InstanceKey, what: 'receiver' | 'both'): Promise<string> {
  const name = keyText(key);
  try {
    const instance = topology.get(key);
    if (!instance) return `${name} is not known any more, so it could not be started again`;
    const hand = await hands.on(instance);
    const kept = await keepsRelayLog(hand);
    if (kept !== null) return `${name} stays stopped: ${kept}`;
    await hand.say(what === 'receiver' ? hand.flavor.startReceiver : hand.flavor.startReplication);
    const started = await waitFor(
      async () => {
        const now = await hand.replication();
        return now && now.receiver.state !== 'stopped' && (what === 'receiver' || now.applier.state === 'running') ? true : null;
      },
      {within: STARTED_WITHIN, every: 20},
    );
    return started ? `${name} may receive again` : `${name} was told to start and did not: look at its replication status`;
  } catch (error) {
    if (!(error instanceof OrchestratorError)) throw error;
    return `${name} could not be started again: ${error.message}`;
  }
}

/** Why nothing is started there; null where it may be. */
async function keepsRelayLog(hand: Hand): Promise<string | null> {
  if (hand.flavor.gtid !== 'domain-list') return null;
  const now = await hand.replication();
  if (!now?.usingMariadbGtid || !bothStopped(now) || now.applier.errno === 0) return null;
  return `its applier failed (error ${now.applier.errno}: ${now.applier.error}), and a start would drop what it received up to ${now.retrievedGtid} and did not apply`;
}
