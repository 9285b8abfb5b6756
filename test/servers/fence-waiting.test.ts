import {afterAll, beforeAll, expect, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import {closeSource, fence} from '../../src/lib/execute/steps/close-source.ts';
import {closeUnlessGone} from '../../src/lib/execute/steps/close-unless-gone.ts';
import {Hands, type Hand} from '../../src/lib/execute/steps/hands.ts';
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

type Close = (instance: Instance, reach: (timeout?: number) => Promise<Hand>) => Promise<string>;

const whoReturned: Close = (_, reach) => fence(reach);
const whoIsReplaced: Close = ({key}, reach) => closeUnlessGone(key, reach);

/**
 * Closes a server as a recovery that holds its lock would.
 *
 * @param meanwhile what happens between the last look at it and the closing
 */
async function closeIt(instance: Instance, close: Close, meanwhile?: () => Promise<void>): Promise<string> {
  const config = {
    ...defaultDraft().values,
    MySQLTopologyUser: ACCOUNTS.orc.user,
    MySQLTopologyPassword: ACCOUNTS.orc.password,
    MySQLHostnameResolveMethod: 'none',
  };
  const servers = createServers(config);
  const hands = new Hands({servers, what: 'test', fence: 1, mayStillSend: () => true, journal: () => Promise.resolve()});
  try {
    const outcome = await createProber({servers, config}).probe(instance.key);
    if (!outcome.ok) throw new Error(`not found: ${JSON.stringify(outcome.unreachable)}`);
    await meanwhile?.();
    return await close(instance, (timeout) => hands.on(outcome.reading as unknown as Known, timeout));
  } finally {
    hands.release();
    servers.forget();
  }
}

const readOnly = async (instance: Instance): Promise<number> => Number(await instance.value('SELECT @@global.read_only'));

test.each(
  FLAVORS.flatMap((flavor) => [
    {flavor, who: 'that came back', close: whoReturned},
    {flavor, who: 'that is to be replaced', close: whoIsReplaced},
  ]),
)(
  'a source of $flavor $who and whose commits wait for a replica is closed, and no client is told that they are safe',
  async ({flavor, close}) => {
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
    expect(await closeIt(a, close)).toMatch(/is closed/);
    expect(await readOnly(a)).toBe(1);
    await box.waitFor('every client has heard', () => answers.length === 3, {within: 30_000});
    expect(answers).toEqual(['unknown', 'unknown', 'unknown']);
    await expect(a.as('app').query('INSERT INTO test.t VALUES (9)')).rejects.toMatchObject({errno: 1290});
    for (const client of clients) client.close();
  },
);

test.each(FLAVORS)('a source of %s that came back and has no connection left for us lives: nobody is opened beside it', async (flavor) => {
  const box = boxes.get(flavor)!;
  const {a} = await box.topology('a');
  // Far more than the server shall bear, so that it does not matter who leaves meanwhile.
  const guests = Array.from({length: 25}, () => a.connect());
  const fill = async (): Promise<void> => {
    await Promise.all(guests.map((guest) => guest.query('SELECT 1')));
    await a.query('SET GLOBAL max_connections = 10');
  };
  try {
    await expect(closeIt(a, whoIsReplaced, fill)).rejects.toThrow(
      /lives, and could not be closed: .* refused the connection with error 1040/,
    );
    expect(await readOnly(a)).toBe(0);
  } finally {
    for (const guest of guests) guest.close();
  }
});

test('a server of MariaDB that had read_only on keeps it where closing it is given up', async () => {
  const {a, b} = await boxes.get('mariadb')!.topology('a: b');
  await a.query('CREATE TABLE test.t (id BIGINT PRIMARY KEY AUTO_INCREMENT)');
  const writer = a.connect('root');
  const [{id} = {id: 0}] = await writer.query<{id: number}>('SELECT CONNECTION_ID() AS id');
  const writes = writer.query('BEGIN NOT ATOMIC WHILE TRUE DO INSERT INTO test.t VALUES (); END WHILE; END').catch(() => undefined);
  try {
    await b.query('SET GLOBAL read_only = 1');
    // Its applier writes all the time, and is nobody's session; on a loaded machine it may pause for long enough to be overlooked.
    const closed = (): Promise<string> => closeIt(b, async (_, reach) => closeSource(await reach())).catch((error: Error) => error.message);
    await expect.poll(closed, {timeout: 60_000}).toMatch(/is still written to under read_only/);
    expect(await readOnly(b)).toBe(1);
  } finally {
    await a.query(`KILL ${id}`);
    await writes;
    writer.close();
  }
});
