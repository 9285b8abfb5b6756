import {execFile} from 'node:child_process';
import {open, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {killSessions} from '../../src/lib/execute/kill-sessions.ts';
import {Hands} from '../../src/lib/execute/steps/hands.ts';
import {say} from '../../src/lib/flavor/statement.ts';
import type {Instance as Known} from '../../src/lib/model/instance.ts';
import {createProber} from '../../src/lib/probe/probe.ts';
import {createServers} from '../../src/lib/servers/create-servers.ts';
import {isCode} from '../../src/lib/errors/errors.ts';
import type {JournaledSession} from '../../src/lib/coordination/lock/sessions.ts';
import {sandbox, type Flavor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {configOf} from './probe/probing.ts';

const FLAVORS: readonly Flavor[] = ['mariadb', 'mysql9', 'mysql56'];

const boxes = new Map<Flavor, Sandbox>();
beforeAll(async () => {
  await Promise.all(FLAVORS.map(async (flavor) => boxes.set(flavor, await sandbox({flavor}))));
});
const [config, servers] = [configOf(), createServers(configOf())];
afterAll(async () => {
  servers.forget();
  await Promise.all([...boxes.values()].map((box) => box.down()));
});

/** A change that goes on in the server whoever kills it, until `release`: it waits for a file to be opened. */
async function stuck({datadir, query}: {datadir: string; query: (sql: string) => Promise<unknown>}) {
  const pipe = join(datadir, 'test', 'pipe.CSV');
  await query('CREATE TABLE test.pipe (id INT NOT NULL) ENGINE = CSV');
  await query('FLUSH TABLES');
  await rm(pipe);
  await promisify(execFile)('mkfifo', ['-m', '666', pipe]);
  return {
    change: 'SET GLOBAL binlog_cache_size = (SELECT 65536 + COUNT(*) FROM test.pipe)',
    release: async () => (await open(pipe, 'r+')).close(),
  };
}

const running = async (a: Instance, like: string) =>
  Number(await a.value('SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()', [like]));
const there = async (a: Instance, id: number) =>
  Number(await a.value('SELECT COUNT(*) FROM information_schema.processlist WHERE id = ?', [id])) > 0;
const cache = async (a: Instance) => Number(await a.value('SELECT @@global.binlog_cache_size'));

/** As an heir has them that could not see these sessions gone. */
async function handsOf(a: Instance, former: readonly JournaledSession[]) {
  const found = await createProber({servers, config}).probe(a.key);
  if (!found.ok) throw new Error(`not found: ${JSON.stringify(found.unreachable)}`);
  const hands = new Hands({servers, what: 'test', fence: 2, former, mayStillSend: () => true, journal: () => Promise.resolve()});
  return {hands, on: () => hands.on(found.reading as unknown as Known)};
}

test.concurrent.each(FLAVORS)(
  'nothing is sent to a server of %s while a statement of the former holder goes on there, and then it is',
  async (flavor) => {
    const box = boxes.get(flavor)!;
    const {a} = await box.topology('a:');
    const before = await cache(a);
    const {change, release} = await stuck({datadir: a.datadir, query: (sql) => a.query(sql)});
    const predecessor = await servers.connect(a.key);
    const former = {instance: a.key, connectionId: predecessor.connectionId};
    const outcome = predecessor.query(say(change), {timeout: 600_000}).then(
      () => 'done',
      () => 'ended',
    );
    await box.waitFor('the change is under way', async () => (await running(a, 'SET GLOBAL binlog_cache_size%')) === 1);
    const {hands, on} = await handsOf(a, [former]);
    try {
      a.pause();
      const silent = await killSessions(servers, [former]);
      a.resume();
      expect(silent).toEqual({remarks: [expect.stringContaining(`${a.key.port} could not be ended`)], left: [former]});

      const refusal = await on().catch((error: unknown) => error);
      expect(isCode(refusal, 'CONTENDED')).toBe(true);
      expect(String(refusal)).toContain(`has not ended killed sessions of the former holder yet: ${former.connectionId}`);
      expect(await there(a, former.connectionId)).toBe(true);

      await release();
      const hand = await box.waitFor('the server may be touched', on, {within: 60_000});
      expect(await there(a, former.connectionId)).toBe(false);
      expect(await cache(a)).toBe(before);
      await hand.say(say('SET GLOBAL binlog_cache_size = 131072'));
      expect([await outcome, await cache(a)]).toEqual(['ended', 131_072]);
      expect(hands.unanswered).toEqual([]);
      await expect(hand.say(say('DO SLEEP(600)'), 50)).rejects.toMatchObject({code: 'SERVER_TIMEOUT'});
      expect(hands.unanswered).toEqual([{instance: a.key, connectionId: expect.any(Number) as number}]);
    } finally {
      a.resume();
      await release();
      hands.release();
      predecessor.destroy();
    }
  },
);

test.each(FLAVORS)(
  'sessions on %s are seen gone, and one of another account is left alone and told, unless it says it is ours',
  async (flavor) => {
    const {a} = await boxes.get(flavor)!.topology('a:');
    const ours = await Promise.all([servers.connect(a.key), servers.connect(a.key)]);
    const asleep = ours[0]!.query(say('DO SLEEP(600)'), {timeout: 600_000}).catch(() => 'ended');
    const [stranger, renamed] = [a.connect('app'), a.connect('app')];
    const idOf = async (client: typeof stranger) => Number((await client.query<{id: number}>('SELECT CONNECTION_ID() AS id'))[0]?.id);
    const [left, tagged] = [await idOf(stranger), await idOf(renamed)];
    const changing = renamed.query('/* orchestrator u 1 1 */ DO SLEEP(600)', [], {timeout: 600_000}).catch(() => 'ended');
    await boxes.get(flavor)!.waitFor('both sleep', async () => (await running(a, '%DO SLEEP(600)')) === 2);
    try {
      const ids = [...ours.map(({connectionId}) => connectionId), left, tagged, 2_000_000_000];
      const killed = await killSessions(
        servers,
        ids.map((connectionId) => ({instance: a.key, connectionId})),
      );
      expect(killed).toEqual({remarks: [expect.stringMatching(`session ${left} on .* is of account app and was left alone`)], left: []});
      expect(await Promise.all(ids.map((id) => there(a, id)))).toEqual([false, false, true, false, false]);
      expect([await asleep, await changing]).toEqual(['ended', 'ended']);
    } finally {
      for (const one of [...ours.map((session) => ({close: () => session.destroy()})), stranger, renamed]) one.close();
    }
  },
);
