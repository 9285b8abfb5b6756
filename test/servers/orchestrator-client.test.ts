import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {hostname, tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {CLIENT, runClient} from '../backend/support/client.ts';
import {words} from '../backend/support/cli.ts';
import {ACCOUNTS, clientTools, sandbox, type Instance, type Instances, type Sandbox} from '../sandbox/index.ts';
import {backendHost, insert, insertErrant, rows, site, standingOf, type BackendHost, type Service, type Site} from './support/index.ts';

const AT_ONCE = 4;
/** Every command of orchestrator-client, asked of a service that looks at servers: a, b and c by GTID, x, y and z by file and position. */
const SHAPE = 'a: b c; x: y z';
let box: Sandbox;
let host: BackendHost;
let servers: Instances<typeof SHAPE>;
let at: Site;
let service: Service;
let folder = '';
let tools = '';

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'client-'));
  [box, host, tools] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite'), clientTools(folder)]);
  servers = await box.topology(SHAPE);
  const {a, b, c, x, y, z} = servers;
  for (const one of [y, z]) await box.point(one, x, {gtid: false});
  for (const source of [a, x]) await insert(source, 1, 5);
  await mark(x);
  await box.caughtUp();
  const PSEUDO = {PseudoGTIDPattern: MARK, PseudoGTIDPatternIsFixedSubstring: true, PseudoGTIDMonotonicHint: 'asc:'};
  at = await site({
    backend: host,
    servers: [a, b, c, x, y, z],
    settings: {
      ...PSEUDO,
      DetectPseudoGTIDQuery: 'select 1',
      RecoverMasterClusterFilters: [],
      // A probe that takes long on a busy machine makes no server invalid.
      InstancePollSeconds: 30,
      ReplicationCredentialsQuery: `SELECT '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`,
      DetectDataCenterQuery: "SELECT 'east'",
      DetectClusterAliasQuery: `SELECT IF(@@port IN (${[a, b, c].map(({key}) => key.port).join(',')}), 'shop', 'stock')`,
    },
  });
  service = await at.serve();
  await box.waitFor('both clusters are known', async () => {
    const known = await rows<{cluster_name: string; last_seen: string | null}>(at, 'database_instance');
    const of = (source: string): number => known.filter((row) => row.cluster_name === hostPort(source) && row.last_seen !== null).length;
    const aliases = await rows<{alias: string; cluster_name: string}>(at, 'cluster_alias');
    const named = (alias: string): string => aliases.find((row) => row.alias === alias)?.cluster_name ?? '';
    return of('{a}') === 3 && of('{x}') === 3 && named('shop') === hostPort('{a}') && named('stock') === hostPort('{x}');
  });
});
afterAll(async () => {
  await at?.down();
  await Promise.all([box?.down(), host?.down()]);
  rmSync(folder, {recursive: true, force: true});
});

const MARK = 'drop view if exists `_pseudo_gtid_`';
let marks = 0;
const mark = (on: Instance): Promise<unknown> => on.query(`${MARK}.\`_asc:${String(++marks).padStart(8, '0')}:00000001:0\``);

interface Step {
  /** After `-c`; `{a}` stands for `host:port` of a. */
  readonly run: string;
  /** What it prints, whole lines in any order where that is a list; an expression for what no test can know. */
  readonly prints: readonly string[] | RegExp;
  /** It fails, and says this. */
  readonly fails?: RegExp;
  /** What the service tells comes from its last look: asked until it has looked again. */
  readonly soon?: true;
  before?(): Promise<unknown>;
}

const each = (names: string, step: (name: string) => Step): readonly Step[] => names.split(' ').map(step);
const says = (run: string, ...prints: readonly string[]): Step => ({run, prints});
const soon = (run: string, ...prints: readonly string[]): Step => ({run, prints, soon: true});
const hostPort = (text: string): string =>
  text.replaceAll(/\{(\w)\}/g, (_, name: keyof typeof servers) => `${servers[name].key.host}:${servers[name].key.port}`);

/** In any order. */
const ASKED: readonly Step[] = [
  {run: 'which-api', prints: /^http:\/\/127\.0\.0\.1:\d+\/api\n$/},
  {run: 'help', prints: /^orchestrator-client -c COMMAND/},
  {run: 'api -P lb-check', prints: ['"OK"']},
  says('clusters', '{a}', '{x}'),
  says('clusters-alias', '{a},shop', '{x},stock'),
  says('all-instances', '{a}', '{b}', '{c}', '{x}', '{y}', '{z}'),
  says('search -i shop', '{a}', '{b}', '{c}'),
  says('instance -i {b}', '{b}'),
  says('which-instance -i {b}', '{b}'),
  says('which-master -i {b}', '{a}'),
  says('which-replicas -i {a}', '{b}', '{c}'),
  says('which-broken-replicas -i {a}'),
  says('which-gtid-errant -i {b}', ''),
  says('which-cluster -i {b}', '{a}'),
  says('which-cluster-alias -i {b}', 'shop'),
  says('which-cluster-master -a shop', '{a}'),
  says('which-cluster-instances -a shop', '{a}', '{b}', '{c}'),
  says('which-cluster-osc-replicas -a shop', '{b}', '{c}'),
  says('which-cluster-osc-running-replicas -i {a}', '{b}', '{c}'),
  says('all-clusters-masters', '{a}', '{x}'),
  says('dominant-dc', 'east'),
  says('is-replicating -i {b}', '{b}'),
  says('is-replication-stopped -i {b}'),
  ...each('topology topology-tabulated topology-tags', (name) => ({
    run: `${name} -a shop`,
    prints: /^127\S+ *[[|][^]*\n[+-] 127\S+ *[[|]/,
  })),
  says('replication-analysis'),
  says('can-replicate-from -i {b} -d {c}', '{c}'),
  says('can-replicate-from-gtid -i {b} -d {c}', '{c}'),
  {run: 'snapshot-topologies', prints: /^Took \d/},
  {
    run: 'submit-masters-to-kv-stores -a shop',
    prints: /^mysql\/master\/shop:127\.0\.0\.1:\d+\nmysql\/master\/shop\/hostname:127\.0\.0\.1\n/,
  },
  {run: 'raft-leader', prints: [], fails: /raft is not part of this version/},
  {run: 'raft-health', prints: [], fails: /raft is not part of this version/},
  {run: 'raft-elect-leader -H n', prints: [], fails: /raft is not part of this version/},
  {run: 'raft-leader-hostname', prints: [hostname()]},
];

/** In this order. */
const CHANGED: readonly Step[] = [
  says('tag -i {b} -t role=db', '{b}'),
  says('tags -i {b}', 'role=db'),
  says('tag-value -i {b} -t role', 'db'),
  says('tagged -t role', '{b}'),
  says('untag -i {b} -t role', '{b}'),
  says('tag -i {b} -t role=db', '{b}'),
  says('untag-all -t role=db', '{b}'),
  says('submit-pool-instances -l app -i {b},{c}', 'app'),
  says('which-heuristic-cluster-pool-instances -a shop -l app', '{b}', '{c}'),
  says('begin-downtime -i {b} -r disk', '{b}'),
  says('downtimed -a shop', '{b}'),
  says('end-downtime -i {b}', '{b}'),
  says('begin-maintenance -i {b} -r disk', '{b}'),
  says('end-maintenance -i {b}', '{b}'),
  says('register-candidate -i {c} -R neutral', '{c}'),
  says('register-hostname-unresolve -i {c} -H c.vip', '{c}'),
  says('deregister-hostname-unresolve -i {c}', '{c}'),
  says('ack-cluster-recoveries -a shop -r seen', '{a}'),
  says('ack-all-recoveries -r seen', 'seen'),
  says('disable-global-recoveries', 'disabled'),
  says('check-global-recoveries', 'disabled'),
  says('enable-global-recoveries', 'enabled'),

  ...each('stop-replica start-replica restart-replica stop-replica-nice', (name) => says(`${name} -i {b}`, '{b}')),
  soon('is-replication-stopped -i {b}', '{b}'),
  says('start-slave -i {b}', '{b}'),
  ...each('detach-replica reattach-replica detach-replica-master-host reattach-replica-master-host', (name) =>
    says(`${name} -i {b}`, '{b}'),
  ),
  ...each('disable-semi-sync-master enable-semi-sync-master disable-semi-sync-master', (name) => says(`${name} -i {a}`, '{a}')),
  ...each('enable-semi-sync-replica disable-semi-sync-replica set-writeable set-read-only', (name) => says(`${name} -i {b}`, '{b}')),
  says('delay-replication -i {b} -S 1', '1'),
  says('delay-replication -i {b} -S 0', '0'),
  {
    run: 'restart-replica-statements -i {b} -q "SET GLOBAL x = 1"',
    prints: /^\[\n {2}"STOP SLAVE[^]*"SET GLOBAL x = 1;",\n {2}"START SLAVE/,
  },
  {run: 'flush-binary-logs -i {c}', prints: ['{c}']},
  {run: 'purge-binary-logs -i {c} -n binlog.000002', prints: ['{c}']},
  {run: 'last-pseudo-gtid -i {x}', prints: /^drop view if exists `_pseudo_gtid_`/i},
  {
    run: 'skip-query -i {c}',
    prints: ['{c}'],
    before: async () => {
      await conflict(servers.c);
      await servers.a.query("INSERT INTO test.t (id, note) VALUES (77, 'a')");
      await box.waitFor('c has failed', async () => (await standingOf(servers.c)).applier === 'No');
    },
  },

  says('relocate -i {c} -d {b}', '{c}<{b}'),
  says('relocate-replicas -i {b} -d {a}', '{c}'),
  says('move-gtid -i {c} -d {b}', '{c}<{b}'),
  says('move-up -i {c}', '{c}<{a}'),
  says('move-below -i {c} -d {b}', '{c}<{b}'),
  says('move-up-replicas -i {b}', '{c}'),
  says('take-siblings -i {b}', '{b}<{a}'),
  says('take-master -i {c}', '{c}<{a}'),
  says('move-replicas-gtid -i {c} -d {a}', '{a}'),
  says('repoint -i {c} -d {a}', '{c}<{a}'),
  says('repoint-replicas -i {a}', '{b}', '{c}'),
  says('relocate -i {c} -d {b}', '{c}<{b}'),
  says('make-co-master -i {b}', '{b}<{a}'),
  says('reset-replica -i {a}', '{a}'),
  says('relocate -i {c} -d {a}', '{c}<{a}'),
  says('match -i {y} -d {z}', '{y}<{z}'),
  says('match-up -i {y}', '{y}<{x}'),
  says('match -i {y} -d {z}', '{y}<{z}'),
  says('match-up-replicas -i {z}', '{x}'),
  says('relocate -i {y} -d {z}', '{y}<{z}'),
  says('relocate -i {y} -d {x}', '{y}<{x}'),
  says('move-equivalent -i {y} -d {z}', '{y}<{z}'),

  says('graceful-master-takeover -a {a} -d {b}', '{b}'),
  says('start-replica -i {a}', '{a}'),
  says('graceful-master-takeover-auto -a {b} -d {c}', '{c}'),
  says('force-master-takeover -a {c} -d {b}', '{b}'),
  says('force-master-failover -a {b}', '{a}'),
  {
    run: 'recover -i {x}',
    prints: ['{z}'],
    before: async () => {
      for (const name of ['z', 'y'] as const) expect(await at.run('enable-gtid', '-i', hostPort(`{${name}}`))).toMatchObject({status: 0});
      await servers.x.kill9();
    },
  },
  {
    ...soon('which-gtid-errant -i {y}'),
    prints: /^7-\d+-1\n$/,
    before: () => insertErrant(servers.y).then(() => at.run('discover', '-i', hostPort('{y}'))),
  },
  {run: 'locate-gtid-errant -i {y}', prints: /^binlog\.\d+\n$/},
  says('gtid-errant-inject-empty -i {y}', '{y}'),
  {...says('gtid-errant-reset-master -i {y}', '{y}'), before: () => writeApart(servers.y)},
  says('async-discover -i {x}', ':null'),
  says('discover -i {z}', '{z}'),
  says('forget -i {x}'),
  says('forget-cluster -i {z}'),
];

/** One more transaction that only this server has. */
async function writeApart(server: Instance): Promise<void> {
  const client = server.connect();
  try {
    await client.query('SET SESSION gtid_domain_id = 7');
    await client.query('INSERT INTO test.errant VALUES (1)');
  } finally {
    client.close();
  }
}

/** A row that the source is going to write too. */
async function conflict(replica: Instance): Promise<void> {
  const client = replica.connect();
  try {
    await client.query('SET SESSION sql_log_bin = 0');
    await client.query("INSERT INTO test.t (id, note) VALUES (77, 'b')");
  } finally {
    client.close();
  }
}

const lines = (printed: readonly string[]): string => printed.map((line) => `${line}\n`).join('');
const sorted = (text: string): string => lines(text.split('\n').slice(0, -1).sort());

interface Outcome {
  readonly run: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function take({run, prints}: Step): Promise<Outcome> {
  const {status, stdout, stderr} = await runClient(tools, ['-c', ...words(hostPort(run)), '-U', service.address]);
  return {run, status, stdout: prints instanceof RegExp ? stdout : sorted(stdout), stderr};
}

function wanted({run, prints, fails}: Step): object {
  const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
  const stdout = prints instanceof RegExp ? matching(prints) : sorted(hostPort(lines(prints)));
  return {run, status: fails ? 1 : 0, stdout, stderr: fails ? matching(fails) : ''};
}

/** What it comes to, in the end where the service has to look first. */
async function carryOut(step: Step): Promise<Outcome> {
  await step.before?.();
  const asked = await take(step);
  if (!step.soon) return asked;
  const isThere = ({stdout}: Outcome): boolean =>
    step.prints instanceof RegExp ? step.prints.test(stdout) : stdout === sorted(hostPort(lines(step.prints)));
  return box.waitFor(step.run, async () => {
    const outcome = await take(step);
    return isThere(outcome) ? outcome : undefined;
  });
}

test('what is asked prints what it should', {timeout: 300_000}, async () => {
  for (let next = 0; next < ASKED.length; next += AT_ONCE) {
    const some = ASKED.slice(next, next + AT_ONCE);
    expect(await Promise.all(some.map(take))).toEqual(some.map(wanted));
  }
});

test('what is changed is changed', {timeout: 600_000}, async () => {
  for (const step of CHANGED) expect(await carryOut(step)).toEqual(wanted(step));
});

test('no command is left out', () => {
  const tried = new Set([...ASKED, ...CHANGED].map(({run}) => (run.split(' ')[0] ?? '').replace('slave', 'replica')));
  const named = [...spawnSync(CLIENT, ['-h'], {encoding: 'utf8'}).stdout.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(([, name = '']) => name);
  expect(named).toHaveLength(105);
  expect(named.filter((name) => !tried.has(name))).toEqual([]);
});
