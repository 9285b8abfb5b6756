import {OrchestratorError} from '../errors/errors.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {RecoveryDocument} from './journal/document.ts';
import type {ActState} from './journal/run.ts';
import {stoppedBy, stoppedUnopened, type Stopped} from './journal/stopped.ts';
import {bothStopped} from './steps/drain.ts';
import type {Hand, Hands} from './steps/hands.ts';
import {isReadOnly} from './steps/promote.ts';
import {waitFor} from './steps/wait.ts';

/** A thread that was told to start runs, or has failed, within this. */
const STARTED_WITHIN = 2000;

interface Reach {
  readonly hands: Hands;
  readonly topology: Topology;
}

/** What was started after a recovery that is given up, and what could not be. */
export interface StartedAgain {
  /** A sentence for each server. */
  readonly remarks: readonly string[];
  /** Its successor was seen closed, although its opening was begun. */
  readonly seenClosed: boolean;
}

/**
 * Starts what a recovery that is given up had stopped. Where it had begun to open a successor, that one is asked: closed, everything is
 * as it was before; open, or not to be asked, receivers stay stopped, and it is said what is to be done about them.
 *
 * @param by the topology holds the successor too
 */
export async function startAfter(
  by: Reach,
  {document, stateOf}: {readonly document: RecoveryDocument; readonly stateOf: (act: number) => ActState},
): Promise<StartedAgain> {
  const {successor} = document.plan;
  const opening = await openingOf(by, successor, openingState(document, stateOf));
  const seenClosed = opening === 'closed';
  const stopped = seenClosed ? stoppedUnopened(document, stateOf) : stoppedBy(document, stateOf);
  const why = typeof opening === 'object' ? opening.unknown : null;
  const told = why === null ? (opening === 'open' ? [`${keyText(successor)} is open for writes`] : []) : [unknownText(successor, why)];
  const left = stopped.left.map((key) => leftText(key, successor, why !== null));
  return {remarks: [...told, ...(await startAgain(by, stopped)), ...left], seenClosed};
}

function unknownText(successor: InstanceKey, because: string): string {
  return `whether ${keyText(successor)} was opened for writes is not known: ${because}`;
}

/** How far the opening of a successor has come; 'planned' where there is none. */
function openingState({acts}: RecoveryDocument, stateOf: (act: number) => ActState): ActState {
  const opening = acts.find(({act}) => act.do === 'step' && act.step.do === 'make-writable');
  return opening ? stateOf(opening.number) : 'planned';
}

async function openingOf(
  {hands, topology}: Reach,
  successor: InstanceKey,
  state: ActState,
): Promise<'not begun' | 'open' | 'closed' | {readonly unknown: string}> {
  if (state === 'planned') return 'not begun';
  if (state === 'done') return 'open';
  const instance = topology.get(successor);
  if (!instance) return {unknown: 'it is not known any more'};
  try {
    return (await isReadOnly(await hands.on(instance))) ? 'closed' : 'open';
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.code === 'DEADLINE_PASSED') throw error;
    return {unknown: error.message};
  }
}

/** What a person has to do about a replica, where a successor is open or, `unknown`, may be. */
function leftText(replica: InstanceKey, successor: InstanceKey, unknown: boolean): string {
  const name = keyText(replica);
  const stays = `the receiver of ${name} stays stopped`;
  const point = `orchestrator relocate -i ${name} -d ${keyText(successor)}`;
  if (!unknown) return `${stays}: a successor was opened, point it there before it is started (${point})`;
  return `${stays}: if ${keyText(successor)} was opened, ${point}; if not, orchestrator start-replica -i ${name}`;
}

/**
 * Starts servers, and sees them started. A MariaDB whose applier failed meanwhile stays stopped: started, it would throw away what it
 * received and did not apply.
 *
 * @returns a sentence for each server, those that could not be started included
 */
export async function startAgain(by: Reach, stopped: Pick<Stopped, 'receivers' | 'both'>): Promise<readonly string[]> {
  return Promise.all([...stopped.receivers.map((key) => start(by, key, 'receiver')), ...stopped.both.map((key) => start(by, key, 'both'))]);
}

async function start({hands, topology}: Reach, key: InstanceKey, what: 'receiver' | 'both'): Promise<string> {
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
