import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import type {PointAt, ReplicationCredentials} from '../../flavor/flavor.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import {readReplicationCredentials} from '../../probe/credentials.ts';
import type {Config} from '../../config/keys.ts';
import type {Hand, Hands} from './hands.ts';
import {mustFollow} from './repoint.ts';

interface World {
  readonly config: Config;
  readonly hands: Hands;
}

export interface Rejoining {
  readonly source: InstanceKey;
  /** Acknowledge what is received, as the other replicas do. */
  readonly semiSync: boolean;
  /** Whom to ask for what one replicates with: the new source and its replicas. */
  readonly teachers: readonly Instance[];
  /** By file and position from here on, where the others replicate that way; by GTID otherwise. */
  readonly at?: BinlogCoordinates;
}

/** Points a closed former source at its successor and leaves it stopped, also where nobody knows what it could log in with. */
export async function pointAndLeave(world: World, instance: Instance, to: Rejoining): Promise<string> {
  const hand = await world.hands.on(instance);
  const said = `${keyText(hand.key)} is pointed at ${keyText(to.source)}`;
  try {
    await pointAt(hand, {world, instance, to});
    return `${said}, and not started`;
  } catch (error) {
    if (!isCode(error, 'REFUSED')) throw error;
    await hand.pointAt({source: to.source, ...how(to), formerSource: true});
    return `${said}, without credentials (${error.message}), and not started`;
  }
}

/**
 * Makes a closed former source a replica of the one that took its place, and sees it replicate. Bears repetition.
 *
 * @throws OrchestratorError REFUSED when nobody knows what to replicate with, REPLICATION_BROKEN when it does not follow
 */
export async function rejoin(world: World, instance: Instance, to: Rejoining): Promise<string> {
  const hand = await world.hands.on(instance);
  const now = await hand.replication();
  if (!(sameKey(now?.source, to.source) && now?.receiver.state === 'running')) await pointAt(hand, {world, instance, to});
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, to.source, 0);
  return `${keyText(hand.key)} follows ${keyText(to.source)}`;
}

interface Pointing {
  readonly world: World;
  readonly instance: Instance;
  readonly to: Rejoining;
}

async function pointAt(hand: Hand, {world, instance, to}: Pointing): Promise<void> {
  const credentials = await credentialsFor(world, instance, to);
  if ((await hand.replication()) !== null) await hand.say(hand.flavor.stopReplication);
  await switchSemiSync(hand, instance, to.semiSync);
  const tls = to.teachers.some(({replication}) => replication?.usesTls) ? {tls: true} : {};
  await hand.pointAt({source: to.source, ...how(to), formerSource: true, ...(credentials ? {credentials} : {}), ...tls});
}

function how({at}: Rejoining): Pick<PointAt, 'gtid' | 'at'> {
  return at ? {gtid: false, at} : {gtid: true};
}

/** Closed, and rid of its sessions, it waits for no acknowledgement any more; before, that would have let commits through. */
async function switchSemiSync(hand: Hand, instance: Instance, wanted: boolean): Promise<void> {
  const {semiSync} = instance;
  if (semiSync.sourceEnabled) await hand.say(hand.flavor.setSemiSync('source', false, semiSync));
  if (wanted && semiSync.available && !semiSync.replicaEnabled) await hand.say(hand.flavor.setSemiSync('replica', true, semiSync));
}

/** Null: it has its own, from when it was a replica before. */
async function credentialsFor(world: World, instance: Instance, {teachers}: Rejoining): Promise<ReplicationCredentials | null> {
  const problems: string[] = [];
  for (const teacher of teachers) {
    try {
      const hand = await world.hands.on(teacher);
      const query = (statement: Parameters<Hand['say']>[0]): ReturnType<Hand['say']> => hand.say(statement);
      const found = await readReplicationCredentials({query}, hand.flavor, world.config);
      if (found) return found;
    } catch (error) {
      if (!(error instanceof OrchestratorError)) throw error;
      problems.push(messageOf(error));
    }
  }
  if (instance.replication?.hasCredentials) return null;
  throw new OrchestratorError('REFUSED', [`nobody says what ${keyText(instance.key)} could replicate with`, ...problems].join('; '), {
    hint: 'set ReplicationCredentialsQuery, or point it at its source by hand',
  });
}
