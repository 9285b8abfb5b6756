import {afterAll, beforeAll, expect, test} from 'vitest';
import {sandbox, stopReplication, type Client, type Flavor, type Sandbox} from '../../sandbox/index.ts';
import {probing} from './probing.ts';

const FLAVORS: readonly Flavor[] = ['mariadb', 'mysql9']; // MySQL 5.6 comes without semi-sync here
/** Enough that all stages of a group commit are taken. */
const COMMITS = 6;

const boxes = new Map<Flavor, Sandbox>();
beforeAll(async () => {
  for (const flavor of FLAVORS) boxes.set(flavor, await sandbox({flavor}));
});
afterAll(() => Promise.all([...boxes.values()].map((box) => box.down())));

test.each(FLAVORS)(
  'a source of %s whose commits wait for a replica is found, without its position, and no question stays there',
  async (flavor) => {
    const box = boxes.get(flavor)!;
    const {a, b} = await box.topology('a: b', {semiSync: true});
    const side = flavor === 'mysql9' ? 'source' : 'master';
    await a.query(`SET GLOBAL rpl_semi_sync_${side}_timeout = 600000`);
    await a.query(`SET GLOBAL rpl_semi_sync_${side}_wait_point = AFTER_SYNC`);
    await a.query('CREATE TABLE test.t (id BIGINT PRIMARY KEY)');
    const {found, prober, servers} = probing({MySQLDiscoveryReadTimeoutSeconds: 15});
    expect((await found(a.key)).reading.binlog.at).not.toBeNull();
    await stopReplication(b);
    const clients: Client[] = [];
    for (let id = 1; id <= COMMITS; id += 1) {
      const client = a.connect();
      clients.push(client);
      client.query('INSERT INTO test.t VALUES (?)', [id]).catch(() => undefined); // it is never answered
      const inserts = async () =>
        Number(await a.value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%'"));
      await box.waitFor(`${id} inserts wait`, async () => (await inserts()) >= id);
    }
    for (const fresh of [false, true]) {
      const outcome = await prober.probe(a.key, {fresh});
      expect(outcome).toMatchObject({ok: true, reading: {binlog: {at: null}}});
      expect(outcome.ok && outcome.remarks.join()).toMatch(/binary log status: not asked/);
    }
    servers.forget();
    const asked = await a.value("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'orc' AND info LIKE 'SHOW%'");
    expect(Number(asked)).toBe(0);
    for (const client of clients) client.close();
    await a.kill9(); // What waits would wait for ten minutes.
  },
);
