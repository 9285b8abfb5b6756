import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {galera, groupReplication, sandbox, waitFor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {contest} from './support/contention/contest.ts';
import {clusterHost, site, watching, type BackendHost, type Service, type Site} from './support/index.ts';

/** A backend of three, of which the first can lose sight of the others. */
interface Divided {
  readonly host: BackendHost;
  /** The first node of the database does not hear the others any more. */
  cutOff(): Promise<void>;
  /** It does again, and may write. */
  heal(): Promise<void>;
}

const SEED = Number(process.env['ORCHESTRATOR_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Of a test; on a quiet machine they take 15 and 25 s. */
const PATIENCE = 300_000;
const NOTICED_WITHIN = 30_000;
const HEALED_WITHIN = 60_000;

const MAKERS = {
  galera: async (): Promise<Divided> => {
    const cluster = await galera({nodes: 3});
    const first = cluster.nodes[0]!;
    return {
      host: clusterHost('galera', cluster),
      cutOff: () => cluster.isolate(first),
      async heal() {
        await cluster.heal(first);
        await cluster.synced(first);
      },
    };
  },
  group: async (): Promise<Divided> => {
    const group = await groupReplication({nodes: 3, multiPrimary: true});
    const [first, ...others] = group.nodes as [Instance, ...Instance[]];
    return {
      host: clusterHost('group', group),
      cutOff: () => Promise.resolve(others.forEach((member) => member.pause())),
      async heal() {
        for (const member of others) member.resume();
        await group.online(first, 3);
      },
    };
  },
};

describe.each(['group', 'galera'] as const)('nodes that each have a database of their own, %s', (kind) => {
  let divided: Divided;
  let box: Sandbox;
  let at: Site;
  beforeAll(async () => {
    [divided, box] = await Promise.all([MAKERS[kind](), sandbox({flavor: 'mariadb'})]);
  });
  afterEach(() => at?.down());
  afterAll(() => Promise.all([divided?.host.down(), box?.down()]));

  // script/contention does the same with twenty for a minute
  test(
    `commands and services at one cluster are told nothing that is not so, and lose nothing (seed ${SEED})`,
    async () => {
      const wish = {host: divided.host, box, services: 3, workers: 6, milliseconds: 8000, seed: SEED};
      const {contradictions, counts, acknowledged} = await contest(wish);
      expect(contradictions).toEqual([]);
      // otherwise the test has tested nothing
      expect(acknowledged).toBeGreaterThan(0);
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5);
    },
    PATIENCE,
  );

  test(
    'every kind of change that is asked of a node that does not lead is made, and seen by the others',
    async () => {
      const {a, b, c} = await box.topology('a: b c');
      at = await site({backend: divided.host, servers: [a, b, c]});
      const leader = await at.serve({way: 0});
      await leader.says(/elected leader/, NOTICED_WITHIN);
      const [asked, other] = [await at.serve({way: 1}), await at.serve({way: 2})];
      await watching(at, a);
      const sees = async (path: string, pattern: RegExp): Promise<void> => {
        await waitFor(
          `${path} shows ${pattern}`,
          async () => {
            const said = JSON.stringify((await get(other, path)).json);
            if (pattern.test(said)) return true;
            throw new Error(said);
          },
          {within: HEALED_WITHIN},
        );
      };
      for (const {does, shown, as} of changesOf({a, b, c})) {
        expect({does, ...(await get(asked, does))}).toMatchObject({does, status: 200});
        await sees(shown, as);
      }
      await a.kill9();
      await sees('replication-analysis', /"Analysis":"DeadMaster"/);
      expect(await get(asked, `recover/${a.key.host}/${a.key.port}`)).toMatchObject({status: 200});
      await sees('audit-recovery', /"IsSuccessful":true.*"Acknowledged":false|"Acknowledged":false.*"IsSuccessful":true/);
      expect(await get(asked, 'ack-all-recoveries?comment=seen')).toMatchObject({status: 200});
      await sees('audit-recovery', /"Acknowledged":true/);
    },
    PATIENCE,
  );

  test(
    'one without a majority says so, stops leading, shows what it has and says that it is old, and changes nothing',
    async () => {
      const {a, b} = await box.topology('a: b');
      at = await site({backend: divided.host, servers: [a, b]});
      const service = await at.serve({way: 0});
      await watching(at, a);
      const cluster = `${a.key.host}:${a.key.port}`;
      expect(await get(service, 'clusters')).toEqual({status: 200, stale: null, json: [cluster]});

      await divided.cutOff();
      const early = get(service, `tag/${b.key.host}/${b.key.port}/role/early`);
      await service.says(/no longer leader/, NOTICED_WITHIN);
      // Not by giving up after half a minute: who asks hears of the outage as soon as it is known.
      const {status, json} = await early;
      expect({status, json: JSON.stringify(json)}).toEqual({
        status: 500,
        json: expect.stringMatching(/not known|not been able to write|does not serve|kept changing/) as string,
      });
      await waitFor('health says so', async () => (await get(service, 'health')).status === 500, {within: NOTICED_WITHIN});
      expect((await get(service, 'leader-check')).status).toBe(404);
      expect(await get(service, 'clusters')).toEqual({status: 200, stale: expect.stringMatching(/^\d+$/) as string, json: [cluster]});
      expect(await get(service, 'v4/which-replicas?instance=' + cluster)).toMatchObject({status: 200, stale: expect.any(String) as string});
      expect(await get(service, `instance/${a.key.host}/${a.key.port}`)).toMatchObject({status: 200, json: {Key: {Port: a.key.port}}});
      // One that is asked for earlier may still be waiting for the database.
      await waitFor('it has lasted', async () => Number((await get(service, 'clusters')).stale) > 6, {within: NOTICED_WITHIN});
      const tag = await get(service, `tag/${a.key.host}/${a.key.port}/role/old`);
      expect(JSON.stringify(tag.json)).toMatch(/not been able to write/);
      expect(tag).toMatchObject({status: 500, stale: null});

      expect(await at.runAt(0, 'clusters')).toEqual({
        status: 0,
        stdout: `${cluster}\n`,
        stderr: expect.stringMatching(/^orchestrator: the database node \S+ does not belong to a majority: .* out of date\n$/) as string,
      });
      expect(await at.runAt(0, 'tag', '-i', cluster, '--tag', 'role=old')).toMatchObject({
        status: 5,
        stdout: '',
        stderr: expect.stringMatching(/^orchestrator: the database node \S+ does not belong to a majority.*\n$/) as string,
      });
      expect(await at.runAt(0, 'serve')).toMatchObject({
        status: 5,
        stderr: expect.stringMatching(/^orchestrator: the database node \S+ does not belong to a majority.*\n$/m) as string,
      });

      await divided.heal();
      await waitFor('it is well again', async () => (await get(service, 'health')).status === 200, {within: HEALED_WITHIN});
      await waitFor('it leads again', async () => (await get(service, 'leader-check')).status === 200, {within: HEALED_WITHIN});
      expect(await get(service, 'clusters')).toEqual({status: 200, stale: null, json: [cluster]});
      expect(await at.runAt(0, 'tags', '-i', cluster)).toEqual({status: 0, stdout: '', stderr: ''});
    },
    PATIENCE,
  );
});

interface Change {
  readonly does: string;
  /** Where it is seen, and by what. */
  readonly shown: string;
  readonly as: RegExp;
}

/** One after the other; recoveries are switched off in the end. */
function changesOf({a, b, c}: Record<'a' | 'b' | 'c', Instance>): readonly Change[] {
  const [top, one, two] = [a, b, c].map(({key}) => `${key.host}/${key.port}`) as [string, string, string];
  const follows = ({key}: Instance): RegExp => new RegExp(`"MasterKey":\\{"Hostname":"[^"]+","Port":${key.port}\\}`);
  return [
    {does: `begin-downtime/${one}/ann/disk/10m`, shown: 'downtimed', as: new RegExp(`"Port":${b.key.port}.*"DowntimeReason":"disk"`)},
    {does: `end-downtime/${one}`, shown: 'downtimed', as: /^\[\]$/},
    {does: `begin-maintenance/${one}/ann/disk`, shown: 'maintenance', as: /"Owner":"ann","Reason":"disk"/},
    {does: `end-maintenance/${one}`, shown: 'maintenance', as: /^\[\]$/},
    {does: `tag/${one}/role/old`, shown: `tags/${one}`, as: /role=old/},
    {does: `untag/${one}/role`, shown: `tags/${one}`, as: /^\[\]$/},
    {does: `register-candidate/${one}/prefer`, shown: `instance/${one}`, as: /"PromotionRule":"prefer"/},
    {does: `relocate/${two}/${one}`, shown: `instance/${two}`, as: follows(b)},
    {does: `relocate/${two}/${top}`, shown: `instance/${two}`, as: follows(a)},
    {does: 'disable-global-recoveries', shown: 'check-global-recoveries', as: /disabled/},
  ];
}

interface Got {
  readonly status: number;
  /** What the header says of the age of the answer. */
  readonly stale: string | null;
  readonly json: unknown;
}

async function get({address}: Service, path: string): Promise<Got> {
  const answer = await fetch(`${address}/api/${path}`, {signal: AbortSignal.timeout(40_000)});
  return {status: answer.status, stale: answer.headers.get('x-orchestrator-stale'), json: await answer.json()};
}
