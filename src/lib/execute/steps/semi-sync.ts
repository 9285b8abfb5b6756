import {OrchestratorError} from '../../errors/errors.ts';
import {settings} from '../../flavor/rows.ts';
import {acknowledging, parseSemiSync, showSemiSyncVariables, showUptimeAndSemiSync} from '../../flavor/semi-sync.ts';
import type {Instance, SemiSync} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {stopReceiver} from './drain.ts';
import type {Hand} from './hands.ts';
import {waitFor} from './wait.ts';

/** A replica is connected, and counted by its source, within milliseconds; far more under load. */
const SEEN_WITHIN: Milliseconds = 5000;
const LOOK_EACH: Milliseconds = 20;

/**
 * Switches one role of semi-sync on a replica. As a replica it counts from the next start of its receiver, which is restarted with the
 * applier running, so nothing that was received is dropped. Bears repetition.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when the receiver does not come back as wished, or somebody has stopped the applier
 */
export async function switchSemiSync(
  hand: Hand,
  instance: Instance,
  {role, enabled}: {readonly role: 'source' | 'replica'; readonly enabled: boolean},
): Promise<string> {
  const name = keyText(hand.key);
  const said = `semi-sync of ${name} as a ${role} is ${enabled ? 'on' : 'off'}`;
  if (role === 'source') {
    await hand.say(hand.flavor.setSemiSync(role, enabled, instance.semiSync));
    return said;
  }
  const replication = await hand.replication();
  if (replication?.applier.state !== 'running') throw broken(hand, 'does not apply, so its receiver is left as it is');
  await hand.say(hand.flavor.setSemiSync(role, enabled, instance.semiSync));
  if (replication.receiver.state !== 'stopped') await stopReceiver(hand);
  await hand.say(hand.flavor.startReceiver);
  const connected = await waitFor(
    async () => {
      const now = await hand.replication();
      if (now?.receiver.state !== 'running') return null;
      return (await semiSyncOn(hand)).replicaStatus === enabled ? true : null;
    },
    {within: SEEN_WITHIN, every: LOOK_EACH},
  );
  if (!connected) throw broken(hand, `is not connected ${enabled ? 'with' : 'without'} semi-sync after ${SEEN_WITHIN / 1000} s`);
  return said;
}

/**
 * Sees that a source has so many replicas that acknowledge.
 *
 * @throws OrchestratorError REPLICATION_BROKEN otherwise
 */
export async function countAcknowledging(hand: Hand, {atLeast, atMost}: {atLeast: number; atMost: number | null}): Promise<string> {
  let count = 0;
  const fits = await waitFor(
    async () => {
      count = acknowledging(settings(await hand.say(showUptimeAndSemiSync)));
      return count >= atLeast && count <= (atMost ?? count) ? true : null;
    },
    {within: SEEN_WITHIN, every: LOOK_EACH},
  );
  if (fits) return `${count} replicas acknowledge to ${keyText(hand.key)}`;
  throw broken(hand, `has ${count} replicas that acknowledge, and waits for ${atLeast}`);
}

async function semiSyncOn(hand: Hand): Promise<SemiSync> {
  const variables = new Map(settings(await hand.say(showSemiSyncVariables)));
  return parseSemiSync(variables, settings(await hand.say(showUptimeAndSemiSync)), 0);
}

function broken(hand: Hand, what: string): OrchestratorError {
  return new OrchestratorError('REPLICATION_BROKEN', `${keyText(hand.key)} ${what}`, {
    hint: 'look at its replication status and its semi-sync variables',
  });
}
