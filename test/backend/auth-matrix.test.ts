import {rmSync} from 'node:fs';
import fastify from 'fastify';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {OrchestratorError} from '../../src/lib/errors/errors.ts';
import {pickUp} from '../../src/lib/operations/access/tokens.ts';
import type {Operation} from '../../src/lib/operations/define.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import type {Backend} from '../../src/lib/store/backend.ts';
import {guard} from '../../src/lib/surfaces/http/auth/guard.ts';
import {ourPath} from '../../src/lib/surfaces/http/our-routes.ts';
import {defaults, portsOver, runner, serving, sqlite} from './support/operations.ts';
import {ageColumn} from './support/store.ts';

type App = Awaited<ReturnType<typeof serving>>;
type Headers = Readonly<Record<string, string>>;

let backend: Backend;
let folder = '';
let token = {public: '', secret: ''};
const apps: App[] = [];

beforeAll(async () => {
  ({backend, folder} = await sqlite());
  const ports = portsOver(backend, defaults);
  const {result} = await runner(ports)('access-token');
  token = (await pickUp(ports, (result as {token: string}).token))!;
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(async () => {
  await backend.close();
  rmSync(folder, {recursive: true, force: true});
});

const basic = (login: string): Headers => ({authorization: `Basic ${Buffer.from(login).toString('base64')}`});
const ACCOUNT = {HTTPAuthUser: 'admin', HTTPAuthPassword: 'pw'};
const PROXY = {AuthenticationMethod: 'proxy', PowerAuthUsers: ['ann'], AuthTrustedProxies: ['127.0.0.0/8']};

type Who = 'anonymous' | 'reader' | 'writer';
/** What a visitor counts as: somebody who changes things, reads, or is turned away. */
type Standing = 'writer' | 'reader' | 'stranger';

interface Method {
  readonly what: string;
  readonly config: Partial<Config>;
  readonly visitors: Readonly<Record<Who, {readonly headers: () => Headers; readonly from?: string; readonly counts: Standing}>>;
}

const nothing = (): Headers => ({});
const says =
  (headers: Headers): (() => Headers) =>
  () =>
    headers;

const METHODS: readonly Method[] = [
  {
    what: 'none',
    config: {},
    visitors: {
      anonymous: {headers: nothing, counts: 'writer'},
      reader: {headers: says(basic('readonly:x')), counts: 'writer'},
      writer: {headers: says(basic('admin:pw')), counts: 'writer'},
    },
  },
  {
    what: 'none, ReadOnly',
    config: {ReadOnly: true},
    visitors: {
      anonymous: {headers: nothing, counts: 'reader'},
      reader: {headers: says(basic('readonly:x')), counts: 'reader'},
      writer: {headers: says(basic('admin:pw')), counts: 'reader'},
    },
  },
  {
    what: 'basic',
    config: {AuthenticationMethod: 'basic', ...ACCOUNT},
    visitors: {
      anonymous: {headers: nothing, counts: 'stranger'},
      reader: {headers: says({authorization: 'Bearer pw'}), counts: 'stranger'},
      writer: {headers: says(basic('admin:pw')), counts: 'writer'},
    },
  },
  {
    what: 'multi',
    config: {AuthenticationMethod: 'multi', ...ACCOUNT},
    visitors: {
      anonymous: {headers: nothing, counts: 'stranger'},
      reader: {headers: says(basic('readonly:x')), counts: 'reader'},
      writer: {headers: says(basic('admin:pw')), counts: 'writer'},
    },
  },
  {
    what: 'proxy',
    config: PROXY,
    visitors: {
      anonymous: {headers: nothing, counts: 'reader'},
      reader: {headers: says({'x-forwarded-user': 'bob'}), counts: 'reader'},
      writer: {headers: says({'x-forwarded-user': 'ann'}), counts: 'writer'},
    },
  },
  {
    what: 'proxy, past it',
    config: {...PROXY, PowerAuthUsers: ['*']},
    visitors: {
      anonymous: {headers: nothing, from: '10.0.0.1', counts: 'reader'},
      reader: {headers: says({'x-forwarded-user': 'bob'}), from: '10.0.0.1', counts: 'reader'},
      writer: {headers: says({'x-forwarded-user': 'ann', 'x-forwarded-for': '127.0.0.1'}), from: '10.0.0.1', counts: 'reader'},
    },
  },
  {
    what: 'token',
    config: {AuthenticationMethod: 'token'},
    visitors: {
      anonymous: {headers: nothing, counts: 'reader'},
      reader: {headers: () => ({cookie: `access-token=${token.public}:${'0'.repeat(64)}`}), counts: 'reader'},
      writer: {headers: () => ({cookie: `x=1; access-token=${token.public}:${token.secret}`}), counts: 'writer'},
    },
  },
  {
    what: 'token, ReadOnly',
    config: {AuthenticationMethod: 'token', ReadOnly: true},
    visitors: {
      anonymous: {headers: nothing, counts: 'reader'},
      reader: {headers: () => ({cookie: 'access-token=:'}), counts: 'reader'},
      writer: {headers: () => ({cookie: `access-token=${token.public}:${token.secret}`}), counts: 'reader'},
    },
  },
  {
    what: 'oauth, which does not exist',
    config: {AuthenticationMethod: 'oauth'},
    visitors: {
      anonymous: {headers: nothing, counts: 'reader'},
      reader: {headers: says(basic('readonly:x')), counts: 'reader'},
      writer: {headers: says(basic('admin:pw')), counts: 'reader'},
    },
  },
];

/** The same operations, which say only that they were reached. */
function reachable(reached: string[]): readonly Operation[] {
  return ALL.map((operation) => ({
    ...operation,
    prepare: () => () => {
      reached.push(operation.name);
      return Promise.reject(new OrchestratorError('NOT_FOUND', 'reached'));
    },
  }));
}

interface Way {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST';
  readonly url: string;
}

const filled = (path: string): string => path.replaceAll(/:\w*[pP]ort\b/g, '3306').replaceAll(/:\w+/g, 'x');

/** Every way over HTTP to every operation. */
const WAYS: readonly Way[] = ALL.flatMap((operation) => {
  const changes = operation.changes !== 'nothing';
  const legacy = operation.routes.flatMap(({path}): readonly Way[] => {
    const url = `/api/${filled(path)}`;
    return [{operation, method: 'GET', url}, ...(changes ? ([{operation, method: 'POST', url}] as const) : [])];
  });
  const ours: readonly Way[] = operation.localOnly ? [] : [{operation, method: changes ? 'POST' : 'GET', url: ourPath(operation)}];
  return [...legacy, ...ours];
});

const may = (counts: Standing, {operation}: Way): boolean =>
  counts === 'writer' || (counts === 'reader' && operation.changes === 'nothing');

describe.each(METHODS)('$what', ({config, visitors}) => {
  test.each(['anonymous', 'reader', 'writer'] as const)('%s', async (who) => {
    const {headers, from = '127.0.0.1', counts} = visitors[who];
    const reached: string[] = [];
    const complete = {...defaults, ...config};
    const app = await serving({config: complete, ports: portsOver(backend, complete), operations: reachable(reached)});
    apps.push(app);
    const wrong: string[] = [];
    for (const way of WAYS) {
      reached.length = 0;
      const {method, url} = way;
      const {statusCode} = await app.inject({method, url, headers: headers(), remoteAddress: from});
      const was = reached.length > 0;
      const status = counts === 'stranger' ? statusCode === 401 : statusCode !== 401;
      if (was !== may(counts, way) || !status) wrong.push(`${method} ${url}: ${statusCode}, ${was ? 'reached' : 'not reached'}`);
    }
    expect(wrong).toEqual([]);
  });
});

test('there is a way to every operation but those about this machine', () => {
  expect(WAYS.length).toBeGreaterThan(200);
  const local = ALL.filter((operation) => !WAYS.some((way) => way.operation === operation)).map(({name}) => name);
  expect(local.sort()).toEqual([
    'access-token',
    'completion',
    'config check',
    'config schema',
    'continuous',
    'dump-config',
    'redeploy-internal-db',
    'serve',
  ]);
});

test('a route of which nobody said who may ask is answered to nobody', async () => {
  const app = fastify();
  apps.push(app as unknown as App);
  guard(app as unknown as App, {config: defaults, ports: portsOver(backend, defaults)} as never);
  app.get('/undeclared', () => 'secret');
  app.get('/declared', {config: {access: 'read'}}, () => 'hello');
  expect(await app.inject('/undeclared')).toMatchObject({statusCode: 403});
  expect((await app.inject('/undeclared')).body).not.toContain('secret');
  expect(await app.inject('/declared')).toMatchObject({statusCode: 200, body: 'hello'});
});

test('moving leadership is for writers', async () => {
  const config = {...defaults, AuthenticationMethod: 'multi', ...ACCOUNT};
  const app = await serving({config, ports: portsOver(backend, config)});
  apps.push(app);
  for (const name of ['grab-election', 'reelect', 'reload-configuration']) {
    for (const method of ['GET', 'POST'] as const) {
      expect(await app.inject({method, url: `/api/${name}`, headers: basic('readonly:x')})).toMatchObject({statusCode: 500});
      expect(await app.inject({method, url: `/api/${name}`, headers: basic('admin:pw')})).toMatchObject({statusCode: 200});
    }
  }
});

test('wrong passwords are answered ever less, right ones that were known are', async () => {
  const config = {...defaults, AuthenticationMethod: 'basic', ...ACCOUNT};
  const app = await serving({config, ports: portsOver(backend, config)});
  apps.push(app);
  const ask = async (login: string): Promise<number> => (await app.inject({url: '/api/lb-check', headers: basic(login)})).statusCode;
  expect(await ask('admin:pw')).toBe(200);
  const statuses: number[] = [];
  for (let turn = 0; turn < 40; turn++) statuses.push(await ask(`admin:guess${turn}`));
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401));
  expect(statuses).toContain(429);
  expect(await ask('admin:pw')).toBe(200);
});

describe('an access token', () => {
  const config = {...defaults, AuthenticationMethod: 'token', URLPrefix: '/orc', AuditToBackendDB: true};
  const start = async (): Promise<App> => {
    const app = await serving({config, ports: portsOver(backend, config)});
    apps.push(app);
    return app;
  };
  const make = async (): Promise<string> =>
    ((await runner(portsOver(backend, config), 'bob')('access-token')).result as {token: string}).token;
  const pick = (app: App, open: string) => app.inject(`/orc/web/access-token?publicToken=${open}`);

  test('is picked up once, gives the right to change, and says who did it', async () => {
    const app = await start();
    const open = await make();
    const {statusCode, headers} = await pick(app, open);
    expect({statusCode, to: headers.location}).toEqual({statusCode: 302, to: '/orc/'});
    const [cookie = ''] = String(headers['set-cookie']).split(';');
    expect(String(headers['set-cookie'])).toMatch(/^access-token=[0-9a-f]{64}:[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/);
    const done = await app.inject({url: '/orc/api/begin-maintenance/a/3306/o/why', headers: {cookie}});
    expect(done).toMatchObject({statusCode: 200});
    const tagged = await app.inject({
      method: 'POST',
      url: '/orc/api/v4/tag',
      headers: {cookie},
      payload: {instance: 'a', tag: 'x', owner: 'eve'},
    });
    expect(tagged).toMatchObject({statusCode: 200});
    const [last] = JSON.parse((await app.inject('/orc/api/audit')).body) as [{Message: string}];
    expect(last.Message).toBe('x= by bob');
    expect(JSON.parse((await pick(app, open)).body)).toEqual({Code: 'ERROR', Message: 'Cannot acquire token', Details: null});
  });

  test.each(['', 'nonsense', '%27 or 1=1 --', 'a&publicToken=b'])('%j is none', async (open) => {
    const {statusCode, body, headers} = await pick(await start(), open);
    expect({statusCode, json: JSON.parse(body) as unknown, cookie: headers['set-cookie']}).toMatchObject({
      statusCode: 200,
      json: {Code: 'ERROR'},
      cookie: undefined,
    });
  });

  test('has to be picked up soon, and runs out', async () => {
    const app = await start();
    const late = await make();
    const open = await make();
    const cookie = String((await pick(app, open)).headers['set-cookie']).split(';')[0] ?? '';
    const change = async (): Promise<number> =>
      (await app.inject({url: '/orc/api/disable-global-recoveries', headers: {cookie}})).statusCode;
    expect(await change()).toBe(200);
    await ageColumn(backend, 'access_token', 'generated_at', 61);
    expect(await pick(app, late)).toMatchObject({statusCode: 200});
    expect(await change()).toBe(200);
    await ageColumn(backend, 'access_token', 'generated_at', 1440 * 60);
    expect(await change()).toBe(500);
  });
});

describe('browsers', () => {
  const url = '/api/disable-global-recoveries';
  const from = async (headers: Headers, method: 'GET' | 'POST' = 'GET', config: Partial<Config> = {}): Promise<number> => {
    const complete = {...defaults, ...config};
    const app = await serving({config: complete, ports: portsOver(backend, complete)});
    apps.push(app);
    return (await app.inject({method, url, headers: {host: 'orc:3000', ...headers}})).statusCode;
  };

  test.each([
    {what: 'curl', headers: {}, status: 200},
    {what: 'a page of ours', headers: {'sec-fetch-site': 'same-origin'}, status: 200},
    {what: 'a page of another site', headers: {'sec-fetch-site': 'cross-site'}, status: 403},
    {what: 'a link in a mail', headers: {'sec-fetch-site': 'none'}, status: 403},
    {what: 'a page of another site, in an old browser', headers: {origin: 'http://evil.example'}, status: 403},
    {what: 'a page of ours, in an old browser', headers: {origin: 'http://orc:3000'}, status: 200},
  ])('$what asks for a change: $status', async ({headers, status}) => {
    expect(await from(headers as Headers)).toBe(status);
    expect(await from(headers as Headers, 'POST')).toBe(status);
  });

  test('reading is for every page', async () => {
    const app = await serving({config: defaults, ports: portsOver(backend, defaults)});
    apps.push(app);
    expect(await app.inject({url: '/api/check-global-recoveries', headers: {'sec-fetch-site': 'cross-site'}})).toMatchObject({
      statusCode: 200,
    });
  });

  test('without ChangesByGet only POST changes something', async () => {
    expect(await from({}, 'GET', {ChangesByGet: false})).toBe(405);
    expect(await from({}, 'POST', {ChangesByGet: false})).toBe(200);
  });

  test('asking for the head of a change changes nothing', async () => {
    const reached: string[] = [];
    const app = await serving({config: defaults, ports: portsOver(backend, defaults), operations: reachable(reached)});
    apps.push(app);
    for (const {url: path} of WAYS.filter((way) => way.operation.changes !== 'nothing'))
      expect((await app.inject({method: 'HEAD', url: path})).statusCode).toBeGreaterThanOrEqual(400);
    expect(reached).toEqual([]);
  });
});
