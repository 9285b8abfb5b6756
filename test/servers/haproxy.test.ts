import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterAll, afterEach, beforeAll, expect, onTestFinished, test} from 'vitest';
import {proxiedBackend} from '../chaos/backends/proxied.ts';
import {ACCOUNTS, Client, haproxy, sandbox, waitFor, type Instance, type Proxy, type Sandbox} from '../sandbox/index.ts';
import {hostAt} from './support/backends.ts';
import {gate} from './support/gate.ts';
import {
  backendHost,
  recoveriesOf,
  recoveryOf,
  rows,
  site,
  watching,
  watchLeaders,
  type BackendHost,
  type Service,
  type Site,
} from './support/index.ts';

/** Set by `script/test --all`. */
const ALL = process.env['ORCHESTRATOR_TEST_ALL'] !== undefined;

let host: BackendHost;
let box: Sandbox;
let at: Site;
let proxy: Proxy;
beforeAll(async () => {
  [host, box] = await Promise.all([backendHost('mariadb'), sandbox({flavor: 'mariadb'})]);
});
afterEach(() => Promise.all([proxy?.down(), at?.down()]));
afterAll(() => Promise.all([host?.down(), box?.down()]));

/** The example as it is shipped, but for its addresses, and for what its own comments say may be said instead. */
async function shipped(name: string, services: readonly Service[], instead: Readonly<Record<string, string>> = {}): Promise<Proxy> {
  const text = await readFile(`${import.meta.dirname}/../../etc/haproxy/${name}`, 'utf8');
  const addresses = services.map(({address}) => new URL(address).host);
  return haproxy({
    configuration: (port) => {
      const lines = text.replace(/bind .*/, `bind 127.0.0.1:${port}`).split('\n');
      const kept = lines.filter((line) => !(Number(/^\s*server orch(\d) /.exec(line)?.[1]) > addresses.length));
      const said = kept.map((line) => Object.entries(instead).reduce((all, [one, other]) => all.replace(one, other), line));
      return said.join('\n').replaceAll(/orch(\d)\.example:3000/g, (_, number: string) => addresses[Number(number) - 1] ?? '');
    },
  });
}

/** The process that answers through the proxy, by its token; '' while nobody does. */
async function whoAnswers(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${proxy.port}/api/health`, {signal: AbortSignal.timeout(5_000)}).catch(() => null);
  const body = answer?.ok ? ((await answer.json()) as {Details: {Token: string}}) : null;
  return body?.Details.Token ?? '';
}

async function tokenOf(service: Service): Promise<string> {
  const {Details} = (await (await fetch(`${service.address}/api/health`, {signal: AbortSignal.timeout(10_000)})).json()) as {
    Details: {Token: string};
  };
  return Details.Token;
}

test('backend.cfg: all sessions go to the database whose check says yes, and end when it says no', async () => {
  const {p, r} = await box.topology('p: r');
  const says = {p: true, r: false};
  const checks = await Promise.all((['p', 'r'] as const).map((name) => check(() => says[name])));
  const text = await readFile(`${import.meta.dirname}/../../etc/haproxy/backend.cfg`, 'utf8');
  const servers = [p, r].map(({key}, at) => `$1db${at + 1} ${key.host}:${key.port} check port ${checks[at]!.port}`);
  proxy = await haproxy({
    configuration: (port) =>
      servers.reduce(
        (configuration, line, at) => configuration.replace(new RegExp(`(\\s+server )db${at + 1} .*`), line),
        text.replace(/bind .*/, `bind 127.0.0.1:${port}`),
      ),
  });
  const app = new Client(proxy.port, ACCOUNTS.orc);
  try {
    const reached = async (): Promise<number> => Number((await app.query<{port: number}>('SELECT @@port AS port'))[0]?.port);
    await waitFor('the source is reached', async () => (await reached()) === p.key.port, {within: 60_000});
    [says.p, says.r] = [false, true];
    await waitFor('its successor is reached', async () => (await reached()) === r.key.port, {within: 60_000});
    expect(await reached()).toBe(r.key.port);
  } finally {
    app.close();
    for (const one of checks) one.close();
  }
});

/** What stands beside a database in production: 200 only while that is the writable one. */
async function check(isWritable: () => boolean): Promise<{readonly port: number; close(): void}> {
  const server = createServer((_request, reply) => void reply.writeHead(isWritable() ? 200 : 503).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {port: (server.address() as AddressInfo).port, close: () => server.close().closeAllConnections()};
}

test('leader.cfg: all traffic goes to the leader, and follows it when it moves', async () => {
  const {a} = await box.topology('a');
  at = await site({backend: host, servers: [a]});
  const first = await at.serve();
  await first.says(/elected leader/);
  const second = await at.serve();
  proxy = await shipped('leader.cfg', [second, first]);
  const [one, other] = [await tokenOf(first), await tokenOf(second)];
  await waitFor('the leader answers', async () => (await whoAnswers()) === one, {within: 60_000});
  for (let time = 0; time < 10; time += 1) expect(await whoAnswers()).not.toBe(other);
  await first.stop();
  await waitFor('the next leader answers', async () => (await whoAnswers()) === other, {within: 60_000});
});

test('any-node.cfg: every node that can do its work answers, and no other; with lb-check every node that runs', async () => {
  const {a} = await box.topology('a');
  const door = await gate(host.server!);
  onTestFinished(() => door.down());
  at = await site({backend: {...host, ways: [{}, {MySQLOrchestratorPort: door.key.port}]}, servers: [a]});
  const services = [await at.serve({way: 0}), await at.serve({way: 1}), await at.serve({way: 0})];
  const [working, cutOff, killed] = services as [Service, Service, Service];
  proxy = await shipped('any-node.cfg', services);
  const running = await shipped('any-node.cfg', services, {'/api/health': '/api/lb-check'});
  onTestFinished(() => running.down());
  const tokens = await Promise.all(services.map(tokenOf));
  await waitFor('all answer', async () => sameTokens(await answering(), tokens), {within: 60_000});

  await killed.kill9();
  for (let time = 0; time < 6; time += 1) expect(await lbCheck(running)).toBe(200);
  const rest = await Promise.all([working, cutOff].map(tokenOf));
  await waitFor('only the others answer', async () => sameTokens(await answering(), rest), {within: 60_000});

  door.shutFor(ACCOUNTS.orc.user);
  await waitFor('only who has a backend answers', async () => sameTokens(await answering(), rest.slice(0, 1)), {within: 60_000});
  await working.kill9();
  await waitFor('nobody can do its work', async () => (await lbCheck(proxy)) === 503, {within: 60_000});
  for (let time = 0; time < 6; time += 1) expect(await lbCheck(running)).toBe(200);
});

/** Who answers several requests in a row; '' among them when one was not answered. */
async function answering(): Promise<ReadonlySet<string>> {
  const tokens = new Set<string>();
  for (let time = 0; time < 9; time += 1) tokens.add(await whoAnswers());
  return tokens;
}

function sameTokens(found: ReadonlySet<string>, wanted: readonly string[]): boolean {
  return found.size === wanted.length && wanted.every((token) => found.has(token));
}

/** The status that the proxy passes on, or answers itself. */
async function lbCheck({port}: Proxy): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/lb-check`, {signal: AbortSignal.timeout(20_000)});
  await answer.arrayBuffer();
  return answer.status;
}

test.each(ALL ? ['nothing that was acknowledged is lost, nobody leads beside, nothing is repeated'] : [])(
  'a semi-synchronous backend fails over behind its proxy: %s',
  async () => {
    const {a, b, c} = await box.topology('a: b c');
    const backend = await proxiedBackend({lossless: true});
    onTestFinished(() => backend.down());
    at = await site({backend: hostAt(backend), servers: [a, b, c]});
    const services = [await at.serve(), await at.serve()];
    const watch = watchLeaders(services);
    onTestFinished(() => watch.stop());
    await watching(at, a);
    const taggers = services.map((service, number) => new Tagger(service, {instance: c, prefix: `of${number}-`}));
    onTestFinished(() => Promise.all(taggers.map((tagger) => tagger.stop())).then(() => undefined));
    await a.kill9();
    const {uid, is_successful} = await recoveryOf(at, a);
    expect(is_successful).toBe(1);
    const before = await termOf(at);

    // For a while the replica receives nothing. Were that not waited for, it would be acknowledged, and lost.
    await backend.proxied!.failOver({losing: 500});
    const acknowledged = taggers.map(({tags}) => tags.length);
    await waitFor('somebody leads', async () => (await watch.leader()) !== null, {within: 60_000});
    await waitFor('both write', () => taggers.every(({tags}, tagger) => tags.length > acknowledged[tagger]! + 1), {within: 60_000});
    await Promise.all(taggers.map((tagger) => tagger.stop()));

    const kept = new Set((await rows<{tag_name: string}>(at, 'database_instance_tags')).map((row) => row.tag_name));
    expect(taggers.flatMap(({tags}) => tags).filter((tag) => !kept.has(tag))).toEqual([]);
    expect(await termOf(at)).toBeGreaterThanOrEqual(before);
    expect(await recoveriesOf(at)).toMatchObject([{uid, is_successful: 1}]);
    expect((await at.hooks.order()).filter((list) => list === 'PostMasterFailoverProcesses')).toHaveLength(1);
    expect(watch.together).toEqual([]);
  },
);

async function termOf(of: Site): Promise<number> {
  return Number((await rows<{term: number}>(of, 'leader_term'))[0]?.term);
}

/** Asks one node to write ever new tags, and remembers which it said are written. */
class Tagger {
  readonly tags: string[] = [];
  #stopped = false;
  readonly #work: Promise<void>;

  constructor(service: Service, {instance: {key}, prefix}: {readonly instance: Instance; readonly prefix: string}) {
    const ask = async (): Promise<void> => {
      for (let number = 0; !this.#stopped; number += 1) {
        const tag = `${prefix}${number}`;
        const path = `${service.address}/api/tag/${key.host}/${key.port}/${tag}/yes`;
        const answer = await fetch(path, {signal: AbortSignal.timeout(20_000)}).catch(() => null);
        await answer?.arrayBuffer().catch(() => undefined);
        if (answer?.ok) this.tags.push(tag);
      }
    };
    this.#work = ask();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }
}
