import {gunzipSync} from 'node:zlib';
import {afterEach, expect, test} from 'vitest';
import {KEYS, type Config} from '../../../src/lib/config/keys.ts';
import {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import {instance} from '../../../src/lib/operations/addressing.ts';
import type {Health, Ports} from '../../../src/lib/operations/context.ts';
import {define} from '../../../src/lib/operations/define.ts';
import {flag, text} from '../../../src/lib/operations/fields.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {parseListenAddress} from '../../../src/lib/surfaces/http/listen.ts';
import {createHttp, type HttpOptions} from '../../../src/lib/surfaces/http/server.ts';

const defaults = Object.fromEntries(Object.entries(KEYS).map(([name, {default: value}]) => [name, value ?? []])) as unknown as Config;

/** Operations that need no backend, so that what is tested is the way there and back. */
const echo = define({
  name: 'echo',
  section: 'Meta',
  formerly: [],
  about: 'Say it again',
  examples: ['echo x'],
  input: {word: text({name: 'word', value: 'TEXT', about: 'what to say'}), loud: flag('loud', 'louder')},
  changes: 'nothing',
  run: (context, {word, loud}) => ({said: loud ? word.toUpperCase() : word, by: context.caller.user}),
  print: ({said}) => [said],
  legacy: {
    http: [
      {path: 'echo/:word', reply: {shape: 'plain', from: ({said}) => said}},
      {path: 'echo', reply: {shape: 'plain'}, query: {w: 'word', shout: 'loud'}},
      {path: 'echo-list/:word', reply: {shape: 'plain', from: ({said}) => (said === 'nothing' ? [] : [said]), nullWhenEmpty: true}},
    ],
  },
});

const change = define({
  name: 'change',
  section: 'Meta',
  formerly: [],
  about: 'Change something',
  examples: ['change -i x'],
  input: {instance: instance('what')},
  changes: 'backend',
  run: () => ({host: 'x', port: 1}),
  print: () => [],
  legacy: {http: [{path: 'change/:owner', reply: {shape: 'key', message: () => 'Changed'}}]},
});

const fail = define({
  name: 'fail',
  section: 'Meta',
  formerly: [],
  about: 'Fail',
  examples: ['fail x'],
  input: {word: text({name: 'word', value: 'TEXT', about: 'how'})},
  changes: 'nothing',
  run(_context, {word}): string {
    throw word === 'bug' ? new TypeError('secret detail') : new OrchestratorError('NOT_FOUND', 'Cannot read instance: a:1', {hint: 'x'});
  },
  print: (word) => [word],
  legacy: {http: [{path: 'fail/:word', reply: {shape: 'plain'}}]},
});

interface Setting {
  readonly config?: Partial<Config>;
  readonly leads?: boolean;
  readonly health?: Health | Error;
}

const HEALTHY: Health = {healthy: true, isLeader: true, leader: null, nodes: [], error: ''};
const opened: {close(): PromiseLike<unknown>}[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function http(
  {config = {}, leads = true, health = HEALTHY}: Setting = {},
  operations: HttpOptions['operations'] = [echo, change, fail],
) {
  const complete = {...defaults, ...config};
  const logged: string[] = [];
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const known: Partial<Ports> = {
    node: {hostname: 'node1', token: 't'},
    build: {version: '4', revision: ''},
    loading: {env: {}},
    config: () => Promise.resolve(complete),
    memory: undefined,
    resolveHost: (host) => Promise.resolve(host),
  };
  const ports = new Proxy(known, {get: (target, name) => (name in target ? target[name as keyof Ports] : unused)}) as Ports;
  const asked: string[] = [];
  const service = {
    isLeader: () => leads,
    health: () => (health instanceof Error ? Promise.reject(health) : Promise.resolve(health)),
    grabElection: () => {
      asked.push('grab');
      return leads ? Promise.resolve() : Promise.reject(new OrchestratorError('NOT_SUPPORTED', 'it does not stand'));
    },
    reelect: async () => void asked.push('reelect'),
  };
  const app = await createHttp({config: complete, ports, service, operations, log: (_level, sentence) => logged.push(sentence)});
  opened.push(app);
  const get = async (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' | 'POST' = 'GET') => {
    const {statusCode, body, headers: said, rawPayload: raw} = await app.inject({method, url, headers});
    return {status: statusCode, body, raw, type: said['content-type'], headers: said};
  };
  return {get, logged, asked};
}

const basic = (login: string): Record<string, string> => ({authorization: `Basic ${Buffer.from(login).toString('base64')}`});
const JSON_TYPE = 'application/json; charset=UTF-8';

test.each([
  {url: '/api/lb-check', status: 200, body: '"OK"'},
  {url: '/api/_ping', status: 200, body: '"OK"'},
  {url: '/api/leader-check', status: 200, body: '"OK"'},
  {url: '/api/leader-check/', status: 200, body: '"OK"'},
  {url: '/api/leader-check', leads: false, status: 404, body: '"Not leader"'},
  {url: '/api/leader-check/503', leads: false, status: 503, body: '"Not leader"'},
  {url: '/api/leader-check/nonsense', leads: false, status: 404, body: '"Not leader"'},
  {url: '/api/leader-check/7', leads: false, status: 404, body: '"Not leader"'},
  {url: '/api/leader-check/503', leads: true, status: 200, body: '"OK"'},
  {url: '/api/routed-leader-check', leads: false, status: 404, body: '"Not leader"'},
  {url: '/api/echo/hello', status: 200, body: '"hello"'},
  {url: '/api/echo/hello/', status: 200, body: '"hello"'},
  {url: '/api/echo/a%2Fb', status: 200, body: '"a/b"'},
  {url: '/api/echo/%3Cb%3E%26', status: 200, body: '"\\u003cb\\u003e\\u0026"'},
  {url: '/api/echo?w=x&shout=true', status: 200, body: '{"said":"X","by":"node1"}'},
  {url: '/api/echo', status: 500, body: '{"Code":"ERROR","Message":"--word is missing: what to say","Details":null}'},
  {url: '/api/echo-list/nothing', status: 200, body: 'null'},
  {url: '/api/echo-list/x', status: 200, body: '["x"]'},
  {url: '/api/fail/x', status: 500, body: '{"Code":"ERROR","Message":"Cannot read instance: a:1","Details":null}'},
])('GET $url (leads: $leads) answers $status $body', async ({url, leads = true, status, body}) => {
  const {get} = await http({leads});
  expect(await get(url)).toMatchObject({status, body, type: JSON_TYPE});
});

test('HEAD answers like GET, without a body', async () => {
  const {get} = await http({leads: false});
  expect(await get('/api/leader-check', {}, 'HEAD')).toMatchObject({status: 404, body: ''});
  expect(await get('/api/echo/x', {}, 'HEAD')).toMatchObject({status: 200, body: ''});
});

test.each(['/', '/api/nothing', '/api/echo/a/b', '/favicon.ico'])('GET %s is unknown: 404 in plain text', async (url) => {
  const {get} = await http();
  expect(await get(url)).toMatchObject({status: 404, body: '404 page not found\n', type: 'text/plain; charset=utf-8'});
});

test('only GET and HEAD are known', async () => {
  const {get} = await http();
  expect(await get('/api/echo/x', {}, 'POST')).toMatchObject({status: 404});
});

test('a bug is told to the log, not to the visitor', async () => {
  const {get, logged} = await http();
  const {status, body} = await get('/api/fail/bug');
  expect({status, body}).toEqual({status: 500, body: expect.not.stringContaining('secret') as string});
  expect(body).not.toContain('    at ');
  expect(logged.join('\n')).toMatch(/secret detail[^]*\n {4}at /);
});

test('leadership is moved by hand, by those who may', async () => {
  const {get, asked} = await http();
  expect(JSON.parse((await get('/api/grab-election')).body)).toEqual({Code: 'OK', Message: expect.any(String) as string, Details: null});
  expect(await get('/api/reelect')).toMatchObject({status: 200});
  expect(asked).toEqual(['grab', 'reelect']);
  const follower = await http({leads: false});
  expect(JSON.parse((await follower.get('/api/grab-election')).body)).toMatchObject({Code: 'ERROR', Message: 'it does not stand'});
  const closed = await http({config: {ReadOnly: true}});
  for (const name of ['grab-election', 'reelect'])
    expect(await closed.get(`/api/${name}`)).toMatchObject({status: 500, body: UNAUTHORIZED});
  expect(closed.asked).toEqual([]);
});

test.each(['raft-state', 'raft-leader', 'raft-health', 'raft-yield/n', 'raft-yield-hint/n'])('%s: there is no raft', async (path) => {
  const {get} = await http();
  const {status, body} = await get(`/api/${path}`);
  expect({status, json: JSON.parse(body) as unknown}).toEqual({
    status: 501,
    json: {Code: 'ERROR', Message: expect.stringContaining('raft is not part of this version') as string, Details: null},
  });
});

test('URLPrefix stands before every path', async () => {
  const {get} = await http({config: {URLPrefix: '/orc'}});
  for (const path of ['/api/lb-check', '/api/status', '/api/echo/x']) {
    expect(await get(`/orc${path}`)).toMatchObject({status: 200});
    expect(await get(path)).toMatchObject({status: 404});
  }
});

test('StatusEndpoint stands alone when it is not the default', async () => {
  const {get} = await http({config: {URLPrefix: '/orc', StatusEndpoint: '/up'}});
  expect(await get('/up')).toMatchObject({status: 200});
  expect(await get('/orc/api/status')).toMatchObject({status: 404});
});

test.each([
  {health: HEALTHY, status: 200, code: 'OK', message: 'Application node is healthy'},
  {health: {...HEALTHY, healthy: false, error: 'no'}, status: 500, code: 'ERROR', message: 'Application node is unhealthy: no'},
  {health: new OrchestratorError('BACKEND_UNREACHABLE', 'db:3306 refuses'), status: 500, code: 'ERROR', message: 'db:3306 refuses'},
])('health is $code: $message', async ({health, status, code, message}) => {
  const {get} = await http({health});
  for (const url of ['/api/health', '/api/status']) {
    const answer = await get(url);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({Code: code, Message: message});
  }
});

const ACCOUNT = {HTTPAuthUser: 'admin', HTTPAuthPassword: 'pw'};
const UNAUTHORIZED = '{"Code":"ERROR","Message":"Unauthorized","Details":null}';
const ANSWERS = {
  200: '{"Code":"OK","Message":"Changed","Details":{"Hostname":"x","Port":1}}',
  401: 'Not Authorized\n',
  500: UNAUTHORIZED,
} as const;

test.each<{
  readonly config: Partial<Config>;
  readonly headers: Record<string, string>;
  readonly read: number;
  readonly change: 200 | 401 | 500;
}>([
  {config: {}, headers: {}, read: 200, change: 200},
  {config: {ReadOnly: true}, headers: {}, read: 200, change: 500},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT}, headers: {}, read: 401, change: 401},
  {config: {AuthenticationMethod: 'Basic', ...ACCOUNT}, headers: basic('admin:pw'), read: 200, change: 200},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT}, headers: basic('admin:wrong'), read: 401, change: 401},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT}, headers: basic('other:pw'), read: 401, change: 401},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT}, headers: basic('readonly:x'), read: 401, change: 401},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT}, headers: {authorization: 'Basic !'}, read: 401, change: 401},
  {config: {AuthenticationMethod: 'basic', ...ACCOUNT, ReadOnly: true}, headers: basic('admin:pw'), read: 200, change: 500},
  {config: {AuthenticationMethod: 'basic'}, headers: {}, read: 401, change: 401},
  {config: {AuthenticationMethod: 'basic'}, headers: basic(':'), read: 200, change: 200},
  {config: {AuthenticationMethod: 'multi', ...ACCOUNT}, headers: {}, read: 401, change: 401},
  {config: {AuthenticationMethod: 'multi', ...ACCOUNT}, headers: basic('readonly:anything'), read: 200, change: 500},
  {config: {AuthenticationMethod: 'multi', ...ACCOUNT}, headers: basic('admin:pw'), read: 200, change: 200},
  {config: {AuthenticationMethod: 'multi', ...ACCOUNT}, headers: basic('admin:'), read: 401, change: 401},
  {config: {AuthenticationMethod: 'proxy', PowerAuthUsers: ['ann']}, headers: {'x-forwarded-user': 'ann'}, read: 200, change: 200},
  {config: {AuthenticationMethod: 'proxy', PowerAuthUsers: ['ann']}, headers: {'x-forwarded-user': 'bob'}, read: 200, change: 500},
  {config: {AuthenticationMethod: 'proxy', PowerAuthUsers: ['ann']}, headers: {}, read: 200, change: 500},
  {config: {AuthenticationMethod: 'proxy', PowerAuthUsers: ['*']}, headers: {}, read: 200, change: 200},
  {
    config: {AuthenticationMethod: 'proxy', PowerAuthUsers: [], PowerAuthGroups: ['root']},
    headers: {'x-forwarded-user': 'root'},
    read: 200,
    change: 200,
  },
  {
    config: {AuthenticationMethod: 'proxy', PowerAuthUsers: [], PowerAuthGroups: ['root']},
    headers: {'x-forwarded-user': 'no-such-user'},
    read: 200,
    change: 500,
  },
  {
    config: {AuthenticationMethod: 'proxy', PowerAuthUsers: [], PowerAuthGroups: ['root']},
    headers: {'x-forwarded-user': '--version'},
    read: 200,
    change: 500,
  },
  {config: {AuthenticationMethod: 'oauth'}, headers: {}, read: 200, change: 500},
  {config: {AuthenticationMethod: 'token'}, headers: {}, read: 200, change: 500},
])('$config with $headers: reading answers $read, changing $change', async ({config, headers, read, change: changed}) => {
  const {get} = await http({config});
  expect(await get('/api/echo/x', headers)).toMatchObject({status: read});
  const answer = await get('/api/change/me', headers);
  expect({status: answer.status, body: answer.body}).toEqual({status: changed, body: ANSWERS[changed]});
  expect(answer.headers['www-authenticate']).toBe(changed === 401 ? 'Basic realm="Authorization Required"' : undefined);
});

test('who logged in is who asks', async () => {
  const {get} = await http({config: {AuthenticationMethod: 'multi', ...ACCOUNT}});
  expect((await get('/api/echo?w=x', basic('admin:pw'))).body).toBe('{"said":"x","by":"admin"}');
});

test('a method nobody knows is refused at start, as is multi without an account', async () => {
  await expect(http({config: {AuthenticationMethod: 'something'}})).rejects.toMatchObject({code: 'CONFIG_INVALID'});
  await expect(http({config: {AuthenticationMethod: 'multi'}})).rejects.toMatchObject({code: 'CONFIG_INVALID'});
});

test('every route that changes something is refused under ReadOnly, before anything is opened', async () => {
  const {get} = await http({config: {ReadOnly: true}}, ALL);
  const routes = ALL.filter((operation) => operation.changes !== 'nothing').flatMap((operation) => operation.routes);
  expect(routes.length).toBeGreaterThan(15);
  for (const {path} of routes) {
    const url = `/api/${path.replaceAll(/:\w*[pP]ort/g, '3306').replaceAll(/:\w+/g, 'x')}`;
    const {status, body} = await get(url);
    expect({url, status, body}).toEqual({url, status: 500, body: UNAUTHORIZED});
  }
});

test('all operations live together on one router', async () => {
  const {get} = await http({}, ALL);
  expect((await get('/api/instance/a/nonsense')).body).toBe('{"Code":"ERROR","Message":"Invalid port: nonsense","Details":null}');
});

test('long answers are compressed for who takes it', async () => {
  const {get} = await http();
  const long = 'x'.repeat(1500);
  expect((await get(`/api/echo/${long}`)).headers['content-encoding']).toBeUndefined();
  expect((await get('/api/echo/short', {'accept-encoding': 'gzip'})).headers['content-encoding']).toBeUndefined();
  const packed = await get(`/api/echo/${long}`, {'accept-encoding': 'gzip'});
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(packed.raw).toString()).toBe(`"${long}"`);
});

test.each([
  {text: ':3000', address: {host: '', port: 3000}},
  {text: '127.0.0.1:3000', address: {host: '127.0.0.1', port: 3000}},
  {text: 'orc.example:80', address: {host: 'orc.example', port: 80}},
  {text: '[::1]:3000', address: {host: '::1', port: 3000}},
])('ListenAddress $text', ({text: written, address}) => {
  expect(parseListenAddress(written)).toEqual(address);
});

test.each(['', '3000', 'host', '::1:3000', ':99999', 'a:b:1'])('ListenAddress %j is refused', (written) => {
  expect(() => parseListenAddress(written)).toThrow(/is not an address/);
});
