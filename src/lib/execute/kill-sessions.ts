import {messageOf, OrchestratorError} from '../errors/errors.ts';
import {flavorOf} from '../flavor/flavors.ts';
import {showOurSessions} from '../flavor/sessions.ts';
import {keyText} from '../model/instance-key.ts';
import type {JournaledSession} from '../coordination/lock/sessions.ts';
import type {Servers, Session} from '../servers/servers.ts';

/** Long enough for a server that lives; one that does not answer runs nothing either, or is reported. */
const TIMEOUT_MS = 1000;

/**
 * Kills what a former holder of a lock left behind, on every server that can be reached, before its heir changes anything
 * (coordination.md §3). Connection numbers start anew with the server, so a number is killed only where the session that has it
 * now is of the account we use ourselves.
 *
 * @returns sentences about servers that could not be reached: their sessions may still act
 */
export async function killSessions(servers: Servers, sessions: readonly JournaledSession[]): Promise<readonly string[]> {
  const byServer = Map.groupBy(sessions, ({instance}) => keyText(instance));
  const said = await Promise.all([...byServer.values()].map((group) => killOn(servers, group)));
  return said.filter((sentence) => sentence !== null);
}

async function killOn(servers: Servers, sessions: readonly JournaledSession[]): Promise<string | null> {
  const [first] = sessions;
  if (!first) return null;
  try {
    const session = await servers.connect(first.instance, {timeout: TIMEOUT_MS});
    try {
      await killThrough(session, sessions);
    } finally {
      session.destroy();
    }
    return null;
  } catch (error) {
    return `sessions of the former holder on ${keyText(first.instance)} could not be ended: ${messageOf(error)}`;
  }
}

async function killThrough(session: Session, sessions: readonly JournaledSession[]): Promise<void> {
  const flavor = flavorOf({version: session.serverVersion, versionComment: ''});
  const alive = new Set((await session.query(showOurSessions, {timeout: TIMEOUT_MS})).map((row) => Number(row['id'])));
  for (const {connectionId} of sessions.filter((one) => alive.has(one.connectionId))) {
    await kill(() => session.query(flavor.kill(connectionId), {timeout: TIMEOUT_MS}));
  }
}

/** A session that ended by itself in between is as good as killed. */
async function kill(say: () => Promise<unknown>): Promise<void> {
  try {
    await say();
  } catch (error) {
    if (!(error instanceof OrchestratorError && error.code === 'SERVER_STATEMENT_FAILED')) throw error;
  }
}
