import {afterAll, beforeAll, expect, test} from 'vitest';
import {optionsOf} from '../../src/lib/operations/define.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import {ACCOUNTS, sandbox, waitFor, type Instance, type Sandbox} from '../sandbox/index.ts';
import {backendHost, desk, insert, rows, site, type BackendHost, type Site} from './support/index.ts';

/** What every operation that changes servers says it would do, by its first example; and that it does nothing. */
const OPERATIONS = ALL.filter(({changes}) => changes === 'servers');

/** They plan nothing: what they do is over at once, or was planned by another. */
const WITHOUT = ['kill-query', 'recovery abort', 'recovery resume', 'unlock', 'continuous', 'serve'];

/** Those that need a dead source; asked once it is dead. */
const OF_THE_DEAD = ['recover', 'recover-lite', 'force-master-failover', 'force-master-takeover', 'make-master'];

/** Instead of the first example, where that is about something else than these servers: a with b and d below it, and c below b. */
const INSTEAD: Readonly<Record<string, string>> = {
  'move-below': 'move-below -i db4 -d db2',
  'disable-semi-sync-replica': 'disable-semi-sync-replica -i db2',
  'enable-semi-sync-replica': 'enable-semi-sync-replica -i db2',
  'purge-binary-logs': 'purge-binary-logs -i db1 --binlog latest',
};

/** Refused here, each with its reason; all others have something to do. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'enable-gtid': /replicates by GTID already/,
  'gtid-errant-inject-empty': /has no errant transactions/,
  'gtid-errant-reset-master': /has no errant transactions/,
  match: /uses-gtid/,
  'match-replicas': /uses-gtid/,
  'match-up': /uses-gtid/,
  'match-up-replicas': /uses-gtid/,
  rematch: /uses-gtid/,
  'move-equivalent': /no-equivalence/,
  'reattach-replica-master-host': /is not detached/,
  'regroup-replicas-bls': /no binlog servers/,
  'regroup-replicas-pgtid': /uses-gtid/,
  reprovision: /cloning needs MySQL/,
  'skip-query': /nothing to skip/,
};

type Servers = Readonly<Record<'a' | 'b' | 'c' | 'd', Instance>>;
let box: Sandbox;
let host: BackendHost;
let at: Site;
let servers: Servers;

beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
  servers = {...(await box.topology('a: b d; b: c', {semiSync: true}))} as never;
  await insert(servers.a, 1, 3);
  await box.caughtUp();
  at = await site({
    backend: host,
    servers: Object.values(servers),
    settings: {ReplicationCredentialsQuery: `SELECT '${ACCOUNTS.repl.user}', '${ACCOUNTS.repl.password}'`},
  });
  expect(await desk(at)('discover', '-i', Object.values(servers).map(nameOf).join(','))).toMatchObject({status: 0});
});
afterAll(async () => {
  await at?.down();
  await Promise.all([box?.down(), host?.down()]);
});

const nameOf = ({key}: Instance): string => `${key.host}:${key.port}`;

test('each has --dry-run, but for those that plan nothing', () => {
  const without = OPERATIONS.filter((operation) => !optionsOf(operation).some(({name}) => name === 'dry-run'));
  expect(without.map(({name}) => name).toSorted()).toEqual(WITHOUT.toSorted());
});

test('whatever is asked with --dry-run is told, in lines and as JSON, and nothing is changed', async () => {
  const planned = OPERATIONS.filter(({name}) => !WITHOUT.includes(name));
  const told = new Map<string, string>();
  await asked(
    planned.filter(({name}) => !OF_THE_DEAD.includes(name)),
    told,
  );
  await servers.a.kill9();
  await waitFor('its replicas have noticed', async () => (await receivers([servers.b, servers.d])).every((state) => state !== 'Yes'), {
    within: 60_000,
  });
  await asked(
    planned.filter(({name}) => OF_THE_DEAD.includes(name)),
    told,
  );
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(REFUSED).map(([name, why]) => [name, expect.stringMatching(why) as string])),
  );
}, 300_000);

/** @param told is given what was refused, and why */
async function asked(operations: typeof OPERATIONS, told: Map<string, string>): Promise<void> {
  const before = await everything();
  for (const {name, examples} of operations) {
    const line = [...lineOf(INSTEAD[name] ?? examples[0] ?? name), '--dry-run'];
    const {status, stdout, stderr} = await desk(at)(...line);
    const json = await desk(at)(...line, '--json');
    const isTold = /would |127\.0\.0\.1:\d+/.test(stdout + stderr);
    const isJson = json.stdout === '' ? status !== 0 : typeof JSON.parse(json.stdout) === 'object';
    expect({line, status: json.status, isTold, isJson}).toEqual({line, status, isTold: true, isJson: true});
    if (status !== 0) told.set(name, `${status}: ${stderr.trim()}`);
    expect({line, now: await everything()}).toEqual({line, now: before});
  }
}

/** An example of the help, about the servers here. */
function lineOf(example: string): readonly string[] {
  const {a, b, c, d} = servers;
  const names: Readonly<Record<string, string>> = {db1: nameOf(a), db2: nameOf(b), db3: nameOf(c), db4: nameOf(d)};
  const words = example.replace('-a shop', '-i db1').split(' ');
  return words.map((word) => names[word] ?? word).filter((word) => word !== '--dry-run');
}

/** All that an operation could have changed. */
async function everything(): Promise<unknown> {
  const running = Object.values(servers).filter((server) => server.alive());
  const books = await Promise.all(
    ['cluster_lock', 'recovery_plan', 'topology_recovery', 'database_instance_maintenance', 'database_instance_downtime'].map((table) =>
      rows(at, table),
    ),
  );
  return {servers: await Promise.all(running.map(stateOf)), books};
}

async function stateOf(server: Instance): Promise<unknown> {
  const [status] = await server.query<Record<string, unknown>>('SHOW SLAVE STATUS');
  const variables = await server.query<{Variable_name: string; Value: string}>(
    "SHOW GLOBAL VARIABLES WHERE variable_name IN ('read_only', 'gtid_slave_pos', 'gtid_binlog_state') OR variable_name LIKE 'rpl_semi_sync_%_enabled'",
  );
  const names = ['Master_Host', 'Master_Port', 'Using_Gtid', 'Slave_SQL_Running', 'SQL_Delay', 'Exec_Master_Log_Pos'];
  return {
    name: server.name,
    variables: variables.map((one) => `${one.Variable_name}=${one.Value}`),
    logs: (await server.query('SHOW BINARY LOGS')).length,
    replica: status && {...Object.fromEntries(names.map((name) => [name, status[name]])), stopped: status['Slave_IO_Running'] === 'No'},
  };
}

async function receivers(replicas: readonly Instance[]): Promise<readonly unknown[]> {
  return Promise.all(replicas.map(async (one) => (await one.query<Record<string, unknown>>('SHOW SLAVE STATUS'))[0]?.['Slave_IO_Running']));
}
