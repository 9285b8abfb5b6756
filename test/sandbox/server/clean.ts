import {waitFor} from '../wait.ts';
import {ACCOUNTS, channelOf, type Row} from './client.ts';
import type {Instance} from './instance.ts';

const SYSTEM_SCHEMAS = ['information_schema', 'mysql', 'performance_schema', 'sys'];

/** Variables that tell a state rather than a setting, or that a reset has set by other means. */
const STATE = /^(gtid_(binlog|current|slave|executed|purged|owned)|timestamp|server_uuid|wsrep_)/;

/** What a server was like before any test touched it. */
export interface Pristine {
  readonly variables: ReadonlyMap<string, string>;
  readonly accounts: ReadonlySet<string>;
}

export async function takePristine(instance: Instance): Promise<Pristine> {
  return {variables: await variablesOf(instance), accounts: new Set((await accountsOf(instance)).map(([user, host]) => `${user}@${host}`))};
}

/**
 * Ends sessions of others and forgets all sources. To be done on all servers before any is wiped. Receivers of replicas are not killed,
 * they are about to be stopped: one killed between its registration and its asking for the log stays in a 5.6's list of replicas, and
 * showing that list may then crash the server.
 */
export async function detach(instance: Instance): Promise<void> {
  instance.resume();
  instance.disconnect();
  await killSessions(instance, ['system user', 'event_scheduler', ACCOUNTS.repl.user]);
  const {words} = instance;
  for (const statement of words.stopAll) await instance.query(statement);
  for (const row of await instance.query(words.showReplicas)) {
    await instance.query(words.forget(channelOf(row)));
  }
}

/** Back to the state of the template: settings, accounts, schemas, binary logs, GTID sets. */
export async function wipe(instance: Instance, pristine: Pristine): Promise<void> {
  const {words} = instance;
  await killSessions(instance, ['system user', 'event_scheduler']);
  for (const statement of words.readOnly(false)) await instance.query(statement);
  await restoreVariables(instance, pristine.variables);
  await instance.query('SET SESSION sql_log_bin=0');
  for (const row of await instance.query('SHOW DATABASES')) {
    const schema = String(Object.values(row)[0]);
    if (!SYSTEM_SCHEMAS.includes(schema)) await instance.query(`DROP DATABASE \`${schema}\``);
  }
  await instance.query('CREATE DATABASE test');
  for (const [user, host] of await accountsOf(instance)) {
    if (!pristine.accounts.has(`${user}@${host}`)) await instance.query('DROP USER ?@?', [user, host]);
  }
  await uninstallSemiSync(instance);
  for (const statement of words.resetBinlog) await instance.query(statement);
  instance.configured.length = 0;
  instance.disconnect();
}

async function tolerating(errno: number, work: Promise<unknown>): Promise<void> {
  await work.catch((error: {errno?: number}) => {
    if (error.errno !== errno) throw error;
  });
}

/** A plugin stays busy until the threads of killed replicas have ended. */
async function uninstallSemiSync(instance: Instance): Promise<void> {
  for (const statement of instance.words.uninstallSemiSync) {
    await waitFor(`${instance.name}: ${statement}`, async () => {
      await tolerating(1305, instance.query(statement)); // 1305: it was not installed
      return true;
    });
  }
}

async function killSessions(instance: Instance, spared: readonly string[]): Promise<void> {
  const others = await instance.query<{id: number}>(
    `SELECT id AS id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user NOT IN (${spared.map((user) => `'${user}'`).join()})`,
  );
  for (const {id} of others) {
    await tolerating(1094, instance.query(`KILL ${id}`)); // 1094: it has ended by itself
  }
}

async function variablesOf(instance: Instance): Promise<Map<string, string>> {
  const rows = await instance.query<{Variable_name: string; Value: string}>('SHOW GLOBAL VARIABLES');
  return new Map(rows.map((row) => [row.Variable_name, row.Value]));
}

async function restoreVariables(instance: Instance, pristine: ReadonlyMap<string, string>): Promise<void> {
  const now = await variablesOf(instance);
  for (const [name, value] of pristine) {
    if (STATE.test(name) || now.get(name) === value) continue;
    const literal = /^-?\d+$/.test(value) ? Number(value) : value;
    await tolerating(1238, instance.query(`SET GLOBAL ${name} = ?`, [literal])); // 1238: only to be read; the server itself changed it
  }
}

async function accountsOf(instance: Instance): Promise<[user: string, host: string][]> {
  const rows = await instance.query<Row>('SELECT user AS u, host AS h FROM mysql.user');
  return rows.map((row) => [String(row['u']), String(row['h'])]);
}
