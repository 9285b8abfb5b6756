import {isCode, OrchestratorError} from '../../errors/errors.ts';
import type {Statement} from '../../flavor/flavor.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import {say} from '../../flavor/statement.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import type {Servers, Session} from '../../servers/servers.ts';
import {tagOf} from '../steps/tag.ts';
import type {Permit} from './permit.ts';

/** A receiver whose source is silent takes 2 s to stop on MySQL 9, and on MariaDB with semi-sync (measured). */
const STOPS_WITHIN: Milliseconds = 8_000;
/**
 * The server itself ends a session that says nothing for so long. What a process sends that stood still between asking whether it
 * may and sending arrives no later than this, or not at all: well before anybody may have taken its place.
 */
const IDLE_S: Seconds = 2;
/** The note that STOP leaves where nothing ran; where there are channels it has another number. */
const WAS_NOT_RUNNING: ReadonlySet<number> = new Set([1255, 3084]);

/**
 * Stops and starts the receiver of a replica, and leaves its applier running.
 *
 * Whoever is frozen between the two starts nothing any more: the server has ended the session, and before another is used it is asked
 * whether that is still allowed. A receiver that did not run, because somebody has stopped it meanwhile, stays stopped.
 *
 * @returns false where it was not restarted: it is being changed by somebody else, or was stopped
 * @throws OrchestratorError DEADLINE_PASSED; as `Session.query`
 */
export async function restartReceiver(servers: Servers, replica: Instance, permit: Permit): Promise<boolean> {
  if (permit.isOthers(replica)) return false;
  const flavor = flavorOf(replica);
  let session: Session | null = await open(servers, replica, permit);
  try {
    const stopped = await stop({session, replica, permit});
    if (stopped === 'was-stopped') return false;
    if (stopped === 'goes-on-stopping' || !session.open) session = await anew(session, {servers, replica, permit});
    try {
      await tell({session, replica, permit}, flavor.startReceiver);
    } catch (error) {
      // We stood still for longer than the session lives. Left so it would look stopped by a person, and say nothing for good.
      if (!isCode(error, 'SERVER_UNREACHABLE')) throw error;
      session = await anew(session, {servers, replica, permit});
      await tell({session, replica, permit}, flavor.startReceiver);
    }
    return true;
  } finally {
    session.destroy();
  }
}

interface Telling {
  readonly session: Session;
  readonly replica: Instance;
  readonly permit: Permit;
}

async function open(servers: Servers, replica: Instance, permit: Permit): Promise<Session> {
  mustBeAllowed(replica, permit);
  const session = await servers.connect(replica.key);
  try {
    await Promise.all([permit.journal?.(replica.key, session.connectionId), endWhenIdle(session)]);
    return session;
  } catch (error) {
    session.destroy();
    throw error;
  }
}

function anew(old: Session, {servers, replica, permit}: Omit<Telling, 'session'> & {readonly servers: Servers}): Promise<Session> {
  old.destroy();
  return open(servers, replica, permit);
}

/** A binlog server knows no such variable; nothing is lost that it has received. */
async function endWhenIdle(session: Session): Promise<void> {
  try {
    await session.query(say('SET SESSION wait_timeout = ?', IDLE_S));
  } catch (error) {
    if (!isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
  }
}

async function stop(by: Telling): Promise<'stopped' | 'was-stopped' | 'goes-on-stopping'> {
  const flavor = flavorOf(by.replica);
  try {
    await tell(by, flavor.stopReceiver);
    const notes = flavor.takesComments ? await by.session.query(say('SHOW WARNINGS')) : [];
    return notes.some((note) => WAS_NOT_RUNNING.has(Number(note['Code']))) ? 'was-stopped' : 'stopped';
  } catch (error) {
    // It goes on stopping, and is started again behind that.
    if (isCode(error, 'SERVER_TIMEOUT')) return 'goes-on-stopping';
    throw error;
  }
}

async function tell({session, replica, permit}: Telling, statement: Statement): Promise<void> {
  const tag = flavorOf(replica).takesComments ? `${tagOf(permit.sender)} ` : '';
  mustBeAllowed(replica, permit);
  await session.query({...statement, text: `${tag}${statement.text}`}, {timeout: STOPS_WITHIN});
}

function mustBeAllowed({key}: Instance, permit: Permit): void {
  if (permit.mayStillSend(IDLE_S * 1000)) return;
  throw new OrchestratorError('DEADLINE_PASSED', `the receiver of ${keyText(key)} is not restarted: what allows it may have ended`, {
    hint: 'whoever leads or holds the lock next looks at it again',
  });
}
