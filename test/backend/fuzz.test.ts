import {connect} from 'node:net';
import packageFacts from '../../package.json' with {type: 'json'};
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {COMMANDS} from '../../src/command-map.ts';
import type {Config} from '../../src/lib/config/keys.ts';
import {optionsOf, type Operation} from '../../src/lib/operations/define.ts';
import {ALL as REGISTRY} from '../../src/lib/operations/registry.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {runCommandLine} from '../../src/lib/surfaces/cli/command-line.ts';
import {listen} from '../../src/lib/surfaces/http/listen.ts';
import {ourPath} from '../../src/lib/surfaces/http/our-routes.ts';
import {given} from '../unit/support/given.ts';
import {Nonsense} from './support/nonsense.ts';
import {defaults, portsOver, seed, serving} from './support/operations.ts';
import {BACKENDS, useStore} from './support/store.ts';

/** ORCHESTRATOR_FUZZ_SEED=7 ORCHESTRATOR_FUZZ_TURNS=200 looks further than every run does. */
const SEED = Number(process.env['ORCHESTRATOR_FUZZ_SEED'] ?? 1);
const TURNS = Number(process.env['ORCHESTRATOR_FUZZ_TURNS'] ?? 3);
const PATIENCE = 60_000 + TURNS * 20_000;

type App = Awaited<ReturnType<typeof serving>>;

/** Without the one that asks name servers: how long they take over nonsense is theirs. */
const ALL = REGISTRY.filter((operation) => operation.name !== 'resolve');

/** Routes that belong to no operation. */
const OTHERS =
  '/api/leader-check/:x /api/headers /api/discovery-metrics-aggregated/:x /api/backend-query-metrics-raw/:x /api/agent-seed/:x/:y /api/raft-yield/:x /web/access-token /:x /api/:x /api/v4/:x'.split(
    ' ',
  );

interface Way {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly queries: readonly string[];
}

const WAYS: readonly Way[] = [
  ...OTHERS.map((path): Way => ({method: 'GET', path, queries: ['publicToken']})),
  ...ALL.flatMap((operation): readonly Way[] => {
    const queries = optionsOf(operation).map((option) => option.name);
    const changes = operation.changes !== 'nothing';
    const ours: readonly Way[] = operation.localOnly ? [] : [{method: changes ? 'POST' : 'GET', path: ourPath(operation), queries}];
    return [
      ...operation.routes.map((route): Way => ({method: 'GET', path: `/api/${route.path}`, queries: Object.keys(route.query ?? {})})),
      ...ours,
    ];
  }),
];

/** What a stack or the place of a file of ours looks like. */
const INSIDES = /\n\s+at |node_modules|src\/lib\/|\.ts:\d|SQLITE_|\bER_[A-Z]|knex/;
/** What the ports of this test answer instead of touching servers. */
const NO_SERVERS = /this needs more than a backend|(context|options)\.\w+ is not a function/;

describe.each(BACKENDS)('nonsense, with a %s backend', (kind) => {
  const store = useStore(kind);
  const config: Config = {...defaults, InstancePollSeconds: 3600};
  const logged: string[] = [];
  let app: App;

  beforeAll(async () => {
    app = await open(config);
    // A MariaDB counts changed rows by table, once it is told to.
    if (kind !== 'sqlite') await store.backend.run(({db}) => db.raw('set global userstat = 1'));
  });
  afterAll(() => app.close());

  const open = (settings: Config): Promise<App> =>
    serving({config: settings, ports: portsOver(store.backend, settings), log: (_level, sentence) => logged.push(sentence)});
  const unforeseen = (): readonly string[] => logged.splice(0).filter((line) => line.startsWith('unexpected') && !NO_SERVERS.test(line));
  const plant = (): Promise<void> => seed(store.backend, given('a: b c; b: d'), given('x: y'));

  test('each row that is written is counted, and nothing else', async () => {
    const before = await written(store.backend);
    expect(await written(store.backend)).toBe(before);
    await plant();
    const planted = await written(store.backend);
    expect(planted).toBeGreaterThanOrEqual(before + 6);
    await store.backend.run(({db}) => db('database_instance').where('hostname', 'a').delete());
    expect(await written(store.backend)).toBe(planted + 1);
    await store.backend.run(({db}) => db('cluster_alias_override').insert({cluster_name: 'x:1', alias: 'y'}));
    expect(await written(store.backend)).toBe(planted + 2);
  });

  test(
    'asked over HTTP: an answer in order, no insides, nothing written where it is an error',
    async () => {
      await plant();
      const nonsense = new Nonsense(SEED);
      const wrong: object[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        for (const way of WAYS) {
          const request = requestOf(way, nonsense);
          const before = await written(store.backend);
          const {statusCode, body, headers} = await app.inject(request);
          const fault = faultOf(statusCode, body, String(headers['content-type']));
          const wrote = statusCode >= 400 && (await written(store.backend)) !== before;
          const bugs = unforeseen();
          if (fault !== null || wrote || bugs.length > 0) wrong.push({request, statusCode, body: body.slice(0, 300), fault, wrote, bugs});
        }
      }
      expect({SEED, wrong: wrong.slice(0, 5)}).toEqual({SEED, wrong: []});
    },
    PATIENCE,
  );

  test(
    'asked by somebody who may only read: nothing is written',
    async () => {
      await plant();
      const closed = await open({...config, ReadOnly: true});
      const nonsense = new Nonsense(SEED + 1);
      const before = await everything(store.backend);
      for (const way of WAYS) await closed.inject(requestOf(way, nonsense));
      await closed.close();
      expect(await everything(store.backend)).toEqual(before);
    },
    PATIENCE,
  );

  test(
    'on the command line: a status that is documented, one sentence, no output and nothing written where it failed',
    async () => {
      await plant();
      const nonsense = new Nonsense(SEED + 2);
      const wrong: object[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        for (const operation of ALL) {
          const argv = argvOf(operation, nonsense);
          const before = await written(store.backend);
          const {status, out, err} = await runs(argv, store.backend, config);
          // Of a list the first may be done, and told, before the second is refused.
          const isList = argv.some((word) => word.includes(',') || /\s/.test(word));
          const failed = status !== 0 && !isList;
          const isOdd = status > 7 || (failed && out !== '') || (INSIDES.test(err) && !NO_SERVERS.test(err));
          const isBug = /unexpected:/.test(err) && !NO_SERVERS.test(err);
          const wrote = failed && (await written(store.backend)) !== before;
          if (isOdd || isBug || wrote) wrong.push({argv, status, out: out.slice(0, 200), err: err.slice(0, 400), wrote});
        }
      }
      expect({SEED, wrong: wrong.slice(0, 5)}).toEqual({SEED, wrong: []});
    },
    PATIENCE,
  );
});

test('bytes that are no HTTP end the connection, not the service', async () => {
  const app = await serving({config: defaults, ports: portsOver({} as Backend, defaults)});
  const address = await listen(app, {ListenAddress: '127.0.0.1:0', ListenSocket: ''});
  const nonsense = new Nonsense(SEED);
  const requests = [
    ...Array.from({length: 20}, () => nonsense.bytes()),
    'GET / HTTP/1.1\r\n\r\n',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /api/lb-check HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    'POST /api/v4/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n',
    'POST /api/v4/tag HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ];
  for (const bytes of requests) await tell(Number(new URL(address).port), bytes);
  expect(await (await fetch(`${address}/api/lb-check`)).json()).toBe('OK');
  await app.close();
});

/** Sends bytes, and hangs up after the first answer or the end. */
function tell(port: number, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket
      .on('data', () => socket.destroy())
      .on('error', () => socket.destroy())
      .on('close', () => resolve());
  });
}

function requestOf(way: Way, nonsense: Nonsense) {
  const path = way.path.replaceAll(/:\w+/g, () => nonsense.encoded(nonsense.text()) || '%20');
  const query: string[] = [];
  for (const name of way.queries) {
    if (nonsense.chance(0.6)) query.push(`${name}=${nonsense.encoded(nonsense.text())}`);
    if (nonsense.chance(0.1)) query.push(`${name}=again`);
    if (nonsense.chance(0.05)) query.push(`${name}[x]=1`, `${name}[]=1`);
  }
  if (nonsense.chance(0.1)) query.push(nonsense.encoded(nonsense.text()));
  const url = `${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  const headers = nonsense.chance(0.2) ? {'x-forwarded-for': '999', cookie: 'access-token=a:b', authorization: 'Basic ///'} : {};
  if (way.method === 'GET') return {method: way.method, url, headers};
  const type = nonsense.oneOf(['application/json', 'application/json', 'application/json', 'text/plain', 'multipart/form-data', 'x']);
  return {
    method: way.method,
    url,
    headers: {...headers, 'content-type': type},
    payload: nonsense.chance(0.1) ? nonsense.bytes() : nonsense.json(),
  };
}

/** What is wrong with an answer; null: nothing. */
function faultOf(status: number, body: string, type: string): string | null {
  if (INSIDES.test(body)) return 'shows insides';
  if ([302, 401, 404, 405].includes(status) && !type.startsWith('application/json')) return null;
  if (!type.startsWith('application/json')) return `is ${type}`;
  const json = JSON.parse(body) as Readonly<Record<string, unknown>> | null;
  if (status < 400) return null;
  const isEnvelope = json?.['Code'] === 'ERROR' && typeof json['Message'] === 'string' && 'Details' in json;
  const isOurs = typeof json?.['code'] === 'string' && typeof json['message'] === 'string';
  return isEnvelope || isOurs || json === ('Not leader' as unknown) ? null : 'is an error without an envelope';
}

/** How many rows were changed so far, be it to what they were before. */
async function written(backend: Backend): Promise<number> {
  if (backend.dialect.kind === 'sqlite') {
    const [row] = (await backend.run(({db}) => db.raw('select total_changes() as changes'))) as unknown as [{changes: number}];
    return row.changes;
  }
  const [[row]] = (await backend.run(({db}) =>
    db.raw('select coalesce(sum(rows_changed), 0) as changes from information_schema.table_statistics where table_schema = database()'),
  )) as unknown as [[{changes: number}]];
  return Number(row.changes);
}

async function everything(backend: Backend): Promise<readonly unknown[]> {
  const tables = ['audit', 'database_instance', 'database_instance_downtime', 'database_instance_maintenance', 'database_instance_tags'];
  const more = ['candidate_database_instance', 'database_instance_pool', 'hostname_unresolve', 'access_token', 'cluster_alias_override'];
  const found: unknown[] = [];
  for (const table of [...tables, ...more, 'global_recovery_disable', 'topology_recovery', 'database_instance_topology_history'])
    found.push(await backend.run(({db}) => db(table).select('*')));
  return found;
}

function argvOf(operation: Operation, nonsense: Nonsense): readonly string[] {
  const options = optionsOf(operation);
  const words = nonsense.chance(0.5) ? ['-c', operation.name] : operation.name.split(' ');
  for (const option of options) {
    if (!nonsense.chance(0.6)) continue;
    const dashes = nonsense.oneOf(['-', '--']);
    if (option.value === null) words.push(`${dashes}${option.name}`);
    else if (nonsense.chance(0.5)) words.push(`${dashes}${option.name}=${nonsense.text()}`);
    else words.push(`${dashes}${option.name}`, nonsense.text());
  }
  if (nonsense.chance(0.3)) words.push(nonsense.text());
  if (nonsense.chance(0.3)) words.push('--json');
  return words;
}

async function runs(argv: readonly string[], backend: Backend, config: Config) {
  const said = {out: '', err: ''};
  const io = {out: (text: string) => void (said.out += text), err: (text: string) => void (said.err += text), terminal: false};
  const ports = () => ({ports: portsOver(backend, config), close: () => Promise.resolve()});
  const program = {io, operations: ALL, user: 'ann', ports};
  const status = await runCommandLine(argv, {program, commands: COMMANDS, facts: packageFacts, build: {version: 'test', revision: ''}});
  return {status, ...said};
}
