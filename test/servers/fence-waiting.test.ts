import {afterAll, beforeAll, expect, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import {fence} from '../../src/lib/execute/steps/close-source.ts';
import {Hands} from '../../src/lib/execute/steps/hands.ts';
import type {Instance as Known} from '../../src/lib/model/instance.ts';
import {createProber} from '../../src/lib/probe/probe.ts';
import {createServers} from '../../src/lib/servers/create-servers.ts';
import {ACCOUNTS, sandbox, stopReplication, type Client, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';

const FLAVORS: readonly Flavor[] = ['mariadb', 'mysql9']; // MySQL 5.6 comes without semi-sync here

const boxes = new Map<Flavor, Sandbox>();
beforeAll(async () => {
  for (const flavor of FLAVORS) boxes.set(flavor, await sandbox({flavor}));
});
afterAll(() => Promise.all([...boxes.values()].map((box) => box.down())));

/** Closes a server as a recovery that holds its lock would. */
async function closeIt({key}: Instance): Promise<string> {
  const config = {
    ...defaultDraft().values,
    MySQLTopologyUser: ACCOUNTS.orc.user,
    MySQLTopologyPassword: ACCOUNTS.orc.password,
    MySQLHostnameResolveMethod: 'none',
  };
  const servers = createServers(config);
  const hands = new Hands({servers, what: 'test', fence: 1, mayStillSend: () => true, journal: () => Promise.resolve()});
  try {
    const outcome = await createProber({servers, config}).probe(key);
    if (!outcome.ok) throw new Error(`not found: ${JSON.stringify(outcome.unreachable)}`);
    return await fence(() => hands.on(outcome.reading as unknown as Known));
  } finally {
    hands.release();
    servers.forget();
  }
}

test.each(FLAVORS)(
  'a source of %s whose commits wait for a replica is closed, and no client is told that they are safe',
  async (flavor) => {
    const box = boxes.get(flavor)!;
    const {a, b} = await box.topology('a: b', {semiSync: true});
    const side = flavor === 'mysql9' ? 'source' : 'master';
    await a.query(`SET GLOBAL rpl_semi_sync_${side}_timeout = 600000`);
    await a.query(`SET GLOBAL rpl_semi_sync_${side}_wait_point = AFTER_SYNC`);
    await a.query('CREATE TABLE test.t (id BIGINT PRIMARY KEY)');
    await stopReplication(b);
    const clients: Client[] = [];
    const answers: string[] = [];
    for (let id = 1; id <= 3; id += 1) {
      const client = a.connect('app');
      clients.push(client);
      client.query('INSERT INTO test.t VALUES (?)', [id]).then(
        () => answers.push('safe'),
        () => answers.push('unknown'),
      );
      const inserts = async () =>
        Number(await a.value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%'"));
      await box.waitFor(`${id} inserts wait`, async () => (await inserts()) >= id);
    }
    expect(await closeIt(a)).toMatch(/is closed/);
    expect(Number(await a.value('SELECT @@global.read_only'))).toBe(1);
    await box.waitFor('every client has heard', () => answers.length === 3, {within: 30_000});
    expect(answers).toEqual(['unknown', 'unknown', 'unknown']);
    await expect(a.as('app').query('INSERT INTO test.t VALUES (9)')).rejects.toMatchObject({errno: 1290});
    for (const client of clients) client.close();
  },
);
