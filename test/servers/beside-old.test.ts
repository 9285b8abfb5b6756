import {afterAll, beforeAll, expect, test} from 'vitest';
import {OldNode} from '../backend/support/old-node.ts';
import {haproxy, waitFor, type Proxy} from '../sandbox/index.ts';
import {backendHost, site, type BackendHost, type Service, type Site} from './support/index.ts';

/** Far more than any of it takes; several tests share two cores. */
const WITHIN = 60_000;
/** More than two of the renewals by which ours would go on leading. */
const HOLDS_FOR = 2500;

let host: BackendHost;
let proxy: Proxy;
let at: Site;
beforeAll(async () => {
  host = await backendHost('mariadb');
  proxy = await haproxy({configuration: (port) => inFrontOf(host.server?.key.port ?? 0, port)});
  const behind = {...host, fresh: (folder: string) => ({...host.fresh(folder), MySQLOrchestratorPort: proxy.port})};
  at = await site({backend: behind, servers: []});
});
afterAll(async () => {
  await at?.down();
  await proxy?.down();
  await host?.down();
});

/** Asks nothing about the database: here it stays where it is, however busy the machine. */
function inFrontOf(database: number, port: number): string {
  const timeouts = ['connect', 'client', 'server'].map((what) => `  timeout ${what} 1m`);
  return ['defaults', '  mode tcp', ...timeouts, 'listen front', `  bind 127.0.0.1:${port}`, `  server db 127.0.0.1:${database}`, ''].join(
    '\n',
  );
}

async function leads({address}: Service): Promise<boolean> {
  const answer = await fetch(`${address}/api/leader-check`, {signal: AbortSignal.timeout(10_000)});
  return answer.status === 200;
}

const deposed = (service: Service): number => [...service.log.matchAll(/no longer leader/g)].length;
const becomes = (service: Service): Promise<boolean> => waitFor('ours leads', () => leads(service), {within: WITHIN});

/** It holds the row whenever it says so; what ours says between two such answers is looked at. @returns how often ours said that it leads */
async function holds(old: OldNode, ours: Service): Promise<number> {
  const until = performance.now() + HOLDS_FOR;
  let [before, both] = [await old.tick(), 0];
  await waitFor(
    'the old one has led for a while',
    async () => {
      const says = await leads(ours);
      const now = await old.tick();
      if (before && now && says) both += 1;
      before = now;
      return now && performance.now() > until;
    },
    {within: WITHIN},
  );
  return both;
}

test('beside a node of 3.2.6, behind a proxy: leadership passes both ways, and what the old one does by hand harms nobody', async () => {
  const ours = await at.serve();
  await becomes(ours);
  const old = new OldNode(await at.backend(), 'old');

  let before = deposed(ours);
  await old.grab();
  await waitFor('ours is deposed', () => deposed(ours) > before, {within: WITHIN});
  expect(await holds(old, ours)).toBe(0);
  await becomes(ours); // the old one says nothing any more

  before = deposed(ours);
  await old.reelect();
  await waitFor('ours is deposed', () => deposed(ours) > before, {within: WITHIN});
  await becomes(ours);
  const terms = [...ours.log.matchAll(/elected leader of term (\d+)/g)].map(([, term]) => Number(term));
  expect(terms).toEqual([...new Set(terms)].toSorted((one, other) => one - other));

  await ours.stop();
  expect(await waitFor('the old one takes what was released', () => old.tick(), {within: WITHIN})).toBe(true);
});

test('a node that writes by a clock that is wrong is named when ours starts', async () => {
  await (await at.serve()).stop(); // the tables are there
  const {run} = await at.backend();
  await run(({db}) =>
    db('node_health').insert({hostname: 'old', token: 'of an old node', extra_info: 'HttpMode', command: '', app_version: '3.2.6'}),
  );
  const says = (): Promise<unknown> =>
    run(({db, dialect}) =>
      db('node_health')
        .where({hostname: 'old'})
        .update({last_seen_active: dialect.ahead(30), incrementing_indicator: db.raw('incrementing_indicator + 1')}),
    );
  const over = new AbortController();
  const living = (async () => {
    while (!over.signal.aborted) await says();
  })();
  const ours = await at.serve();
  const named = /the clock of the database node that old \(of an ol\) writes to is about \d+ s ahead of ours/;
  await ours.says(named, WITHIN);
  over.abort();
  await living;
  expect(ours.log).toMatch(named);
});
