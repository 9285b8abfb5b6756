import type {Fence} from '../coordination/lock/hold.ts';
import {outliveLock, sessionsOf, type JournaledSession} from '../coordination/lock/sessions.ts';
import {messageOf, OrchestratorError} from '../errors/errors.ts';
import type {Flavor, Row, Statement} from '../flavor/flavor.ts';
import {flavorOf} from '../flavor/flavors.ts';
import {showSessionsOf} from '../flavor/sessions.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Servers} from '../servers/servers.ts';
import {KILL_SESSIONS} from '../store/audit-types.ts';
import type {Environment} from './environment.ts';
import {TAG} from './steps/tag.ts';
import {waitFor} from './steps/wait.ts';

/** Long enough for a server that lives; one that does not answer is asked again before anything is sent to it. */
const TIMEOUT_MS = 1000;
/** A session without a statement is gone at once. */
const LOOK_EACH: Milliseconds = 20;

/** What became of the sessions of a former holder of a lock. */
export interface Killed {
  /** Sentences about servers where some may still act, and about sessions that were left alone. */
  readonly remarks: readonly string[];
  /** Those not seen gone: nothing may be sent to their servers before they are. */
  readonly left: readonly JournaledSession[];
}

/**
 * Ends what a former holder of a lock left behind, on every server that can be reached, before its heir changes anything
 * (coordination.md §3). What could not be ended is logged, and audited with the server's name, and stays in the journal beyond the lock.
 *
 * @returns what the heir's hands have to end before they touch those servers
 */
export async function killFormer(
  {backend, servers, log, audit}: Pick<Environment, 'backend' | 'servers' | 'log' | 'audit'>,
  hold: Fence & {readonly purpose: string},
): Promise<Killed> {
  const {lockId, purpose} = hold;
  const sessions = await sessionsOf(backend, lockId);
  if (sessions.length === 0) return {remarks: [], left: []};
  const ended = await killEach(servers, sessions);
  for (const {key, remarks} of ended) {
    for (const message of remarks) log('warn', `${purpose}: ${message}`);
    if (remarks.length > 0) await audit({type: KILL_SESSIONS, key, message: `${purpose}: ${remarks.join('; ')}`});
  }
  const killed = joined(ended);
  await outliveLock(backend, hold, {left: killed.left, gone: sessions.filter((one) => !killed.left.includes(one))});
  return killed;
}

/** The same without any record. */
export async function killSessions(servers: Servers, sessions: readonly JournaledSession[]): Promise<Killed> {
  return joined(await killEach(servers, sessions));
}

interface KilledOn extends Killed {
  readonly key: InstanceKey;
}

function joined(ended: readonly KilledOn[]): Killed {
  return {remarks: ended.flatMap(({remarks}) => remarks), left: ended.flatMap(({left}) => left)};
}

function killEach(servers: Servers, sessions: readonly JournaledSession[]): Promise<readonly KilledOn[]> {
  const byServer = Map.groupBy(sessions, ({instance}) => keyText(instance));
  return Promise.all(
    [...byServer.values()].flatMap(([first, ...more]) => (first ? [killOn(servers, first.instance, [first, ...more])] : [])),
  );
}

async function killOn(servers: Servers, key: InstanceKey, sessions: readonly JournaledSession[]): Promise<KilledOn> {
  try {
    const session = await servers.connect(key, {timeout: TIMEOUT_MS});
    try {
      const flavor = flavorOf({version: session.serverVersion, versionComment: ''});
      const say = (statement: Statement): Promise<readonly Row[]> => session.query(statement, {timeout: TIMEOUT_MS});
      return {key, ...(await killThrough({key, flavor, say}, sessions, TIMEOUT_MS))};
    } finally {
      session.destroy();
    }
  } catch (error) {
    const remarks = [`sessions of the former holder on ${keyText(key)} could not be ended: ${messageOf(error)}`];
    return {key, remarks, left: sessions};
  }
}

/** A way to a server: also a hand's, which sends nothing past its lock. */
export interface Mouth {
  readonly key: InstanceKey;
  readonly flavor: Flavor;
  say(statement: Statement): Promise<readonly Row[]>;
}

/**
 * Kills sessions and looks until they are gone: a killed one goes on with its statement until the server notices.
 *
 * Connection numbers start anew with the server, so that only those are killed that are of the account we use ourselves, or are in a
 * statement that says it is ours; others are left alone, and told.
 *
 * @throws OrchestratorError as `Session.query`
 */
export async function killThrough({key, flavor, say}: Mouth, sessions: readonly JournaledSession[], within: Milliseconds): Promise<Killed> {
  const killed = new Set<number>();
  const show = showSessionsOf(sessions.map(({connectionId}) => connectionId));
  let there: Standing = {ours: [], strangers: []};
  await waitFor(
    async () => {
      there = standingIn(await say(show));
      for (const id of there.ours.filter((one) => !killed.has(one))) await unlessGone(() => say(flavor.kill(id)));
      for (const id of there.ours) killed.add(id);
      return there.ours.length === 0 ? true : null;
    },
    {within, every: LOOK_EACH},
  );
  const left = sessions.filter(({connectionId}) => there.ours.includes(connectionId));
  const numbers = left.map(({connectionId}) => connectionId).join(', ');
  const stay = left.length > 0 ? [`${keyText(key)} has not ended killed sessions of the former holder yet: ${numbers}`] : [];
  const others = there.strangers.map(
    ({id, user}) => `session ${id} on ${keyText(key)} is of account ${user} and was left alone: the former holder had one of this number`,
  );
  return {remarks: [...stay, ...others], left};
}

interface Standing {
  readonly ours: readonly number[];
  readonly strangers: readonly {readonly id: number; readonly user: string}[];
}

function standingIn(rows: readonly Row[]): Standing {
  const isOurs = ({ours, info}: Row): boolean => Number(ours) === 1 || (typeof info === 'string' && info.startsWith(TAG));
  return {
    ours: rows.filter(isOurs).map((row) => Number(row['id'])),
    strangers: rows.filter((row) => !isOurs(row)).map((row) => ({id: Number(row['id']), user: String(row['user'])})),
  };
}

/** A session that ended by itself in between is as good as killed. */
async function unlessGone(say: () => Promise<unknown>): Promise<void> {
  try {
    await say();
  } catch (error) {
    if (!(error instanceof OrchestratorError && error.code === 'SERVER_STATEMENT_FAILED')) throw error;
  }
}
