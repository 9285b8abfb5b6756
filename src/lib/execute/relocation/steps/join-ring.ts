import type {Config} from '../../../config/keys.ts';
import {OrchestratorError} from '../../../errors/errors.ts';
import type {ReplicationCredentials} from '../../../flavor/flavor.ts';
import {keyText, sameKey} from '../../../model/instance-key.ts';
import {readReplicationCredentials} from '../../../probe/credentials.ts';
import {mustFollow} from '../../steps/repoint.ts';
import type {Hand} from '../../steps/hands.ts';
import {waitFor} from '../../steps/wait.ts';
import {broken} from './follow.ts';
import type {Aside} from './positions.ts';
import {logEnd} from '../../steps/log-end.ts';
import {variableOn} from '../../steps/variable.ts';

/**
 * Lets a source replicate from one of its replicas, and sees it do so. It stays a source and writable; the replica stays as it is.
 * Bears repetition.
 *
 * @throws OrchestratorError REFUSED when nobody says what to replicate with, REPLICATION_BROKEN when it does not follow
 */
export async function joinRing({hand, instance, patience}: Aside, partner: Aside, config: Config): Promise<string> {
  const source = partner.hand.key;
  const now = await hand.replication();
  if (!(sameKey(now?.source, source) && now?.receiver.state === 'running')) {
    const credentials = now?.hasCredentials ? null : await credentialsFor(hand, partner.hand, config);
    if (now !== null) await hand.say(hand.flavor.stopReplication);
    const its = partner.instance.replication;
    const gtid = its?.usingOracleGtid === true || its?.usingMariadbGtid === true;
    await hand.pointAt({
      source,
      gtid,
      formerSource: true,
      ...(gtid ? {} : {at: await logEnd(partner.hand)}),
      ...(credentials ? {credentials} : {}),
      ...(its?.usesTls ? {tls: true} : {}),
    });
    if (gtid && hand.flavor.gtid === 'domain-list') await mustComeDown(hand, partner.hand, patience);
  }
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, source, 0);
  return `${keyText(instance.key)} and ${keyText(source)} replicate from each other`;
}

/** MariaDB asks its partner for the place after its own last write, which has to be there by then. */
async function mustComeDown(hand: Hand, partner: Hand, within: number): Promise<void> {
  const wanted = await variableOn(hand, 'gtid_slave_pos');
  const until = performance.now() + within;
  const arrived = await waitFor(
    async () =>
      partner.flavor.waited(await partner.say(partner.flavor.waitForGtid(wanted, 1))) || performance.now() > until ? true : null,
    {within, every: 20},
  );
  if (!arrived || performance.now() > until)
    throw broken(partner, `has not come as far as ${keyText(hand.key)} within ${Math.round(within / 1000)} s`);
}

async function credentialsFor(hand: Hand, partner: Hand, config: Config): Promise<ReplicationCredentials> {
  const query = (statement: Parameters<Hand['say']>[0]): ReturnType<Hand['say']> => partner.say(statement);
  const found = await readReplicationCredentials({query}, partner.flavor, config);
  if (found) return found;
  throw new OrchestratorError('REFUSED', `nobody says what ${keyText(hand.key)} could replicate with`, {
    hint: 'set ReplicationCredentialsQuery, or give it credentials by hand beforehand',
  });
}
