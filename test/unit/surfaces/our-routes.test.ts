import {afterAll, beforeAll, expect, test} from 'vitest';
import {KEYS, type Config} from '../../../src/lib/config/keys.ts';
import {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import type {Ports, Service} from '../../../src/lib/operations/context.ts';
import {define} from '../../../src/lib/operations/define.ts';
import {flag, integer, text} from '../../../src/lib/operations/fields.ts';
import {createHttp} from '../../../src/lib/surfaces/http/server.ts';

const defaults = Object.fromEntries(Object.entries(KEYS).map(([name, {default: value}]) => [name, value ?? []])) as unknown as Config;
const input = {
  word: text({name: 'word', value: 'TEXT', about: 'what to say'}),
  loud: flag('loud', 'louder'),
  times: integer({name: 'times', value: 'NUMBER', about: 'how often'}, {least: 1, absent: 1}),
};
const common = {section: 'Meta', formerly: [], examples: ['x'], print: () => []} as const;

const say = define({
  ...common,
  name: 'say aloud',
  about: 'Say it',
  input,
  changes: 'nothing',
  run(_context, {word, loud, times}) {
    if (word === 'bug') throw new TypeError('secret detail');
    if (word === 'nobody') throw new OrchestratorError('NOT_FOUND', 'nobody is there', {hint: 'look elsewhere'});
    return {said: (loud ? word.toUpperCase() : word).repeat(times)};
  },
});
const keep = define({
  ...common,
  name: 'keep',
  about: 'Keep it',
  input,
  changes: 'backend',
  run: (context, {word, loud, times}) => ({word, loud, times, by: context.caller.user}),
});
const here = define({
  ...common,
  name: 'here',
  about: 'About this machine',
  localOnly: true,
  input: {},
  changes: 'nothing',
  run: () => 'secret',
});

type App = Awaited<ReturnType<typeof createHttp>>;
let app: App;
let closed: App;

beforeAll(async () => {
  const make = (config: Config): Promise<App> => {
    const ports = {node: {hostname: 'node1', token: 't'}, build: {version: '4', revision: ''}, config: () => Promise.resolve(config)};
    return createHttp({
      config,
      ports: ports as unknown as Ports,
      service: {} as Service,
      operations: [say, keep, here],
      log: () => undefined,
    });
  };
  app = await make({...defaults, URLPrefix: '/orc'});
  closed = await make({...defaults, ReadOnly: true});
});
afterAll(async () => {
  await app.close();
  await closed.close();
});

test.each([
  {url: 'say/aloud?word=hi', status: 200, json: {said: 'hi'}},
  {url: 'say/aloud/?word=hi&loud=true&times=2', status: 200, json: {said: 'HIHI'}},
  {url: 'say/aloud', status: 400, json: {code: 'INPUT_INVALID', message: '--word is missing: what to say', hint: null}},
  {url: 'say/aloud?word=hi&times=many', status: 400, json: {code: 'INPUT_INVALID'}},
  {
    url: 'say/aloud?word=hi&word=ho',
    status: 400,
    json: {code: 'INPUT_INVALID', message: 'word must be a text, a number, true or false, given once'},
  },
  {url: 'say/aloud?word=hi&wrod=x', status: 400, json: {code: 'USAGE', hint: 'it takes word, loud, times'}},
  {url: 'say/aloud?word=hi&__proto__=x', status: 400, json: {code: 'USAGE'}},
  {url: 'say/aloud?word=nobody', status: 404, json: {code: 'NOT_FOUND', message: 'nobody is there', hint: 'look elsewhere'}},
  {
    url: 'say/aloud?word=bug',
    status: 500,
    json: {code: 'INTERNAL', message: 'internal error; the log of this node has the details', hint: null},
  },
])('GET /api/v4/$url: $status', async ({url, status, json}) => {
  const {statusCode, body, headers} = await app.inject(`/orc/api/v4/${url}`);
  expect({statusCode, type: headers['content-type']}).toEqual({statusCode: status, type: 'application/json; charset=UTF-8'});
  expect(JSON.parse(body)).toMatchObject(json);
});

test.each([
  {payload: {word: 'x', loud: true, times: 3}, status: 200, json: {word: 'x', loud: true, times: 3, by: 'node1'}},
  {payload: {word: 'x', owner: 'ann'}, status: 200, json: {word: 'x', loud: false, times: 1, by: 'ann'}},
  {payload: {word: 'x', loud: false}, status: 200, json: {loud: false}},
  {payload: {}, status: 400, json: {code: 'INPUT_INVALID'}},
  {payload: {word: ['x']}, status: 400, json: {code: 'INPUT_INVALID'}},
  {payload: {word: {x: 1}}, status: 400, json: {code: 'INPUT_INVALID'}},
  {payload: ['x'], status: 400, json: {code: 'INPUT_INVALID', message: 'the body must be an object of options'}},
  {payload: {word: 'x', wrod: 1}, status: 400, json: {code: 'USAGE'}},
])('POST /api/v4/keep with $payload: $status', async ({payload, status, json}) => {
  const {statusCode, body} = await app.inject({method: 'POST', url: '/orc/api/v4/keep', payload});
  expect({statusCode, json: JSON.parse(body) as unknown}).toMatchObject({statusCode: status, json});
});

test('options of a change may stand in the query, but not in both places', async () => {
  expect(await app.inject({method: 'POST', url: '/orc/api/v4/keep?word=x'})).toMatchObject({statusCode: 200});
  const {statusCode, body} = await app.inject({method: 'POST', url: '/orc/api/v4/keep?word=x', payload: {word: 'x'}});
  expect({statusCode, json: JSON.parse(body) as unknown}).toMatchObject({statusCode: 400, json: {message: 'word is given more than once'}});
});

test('a body that is no JSON, or too long, says so', async () => {
  const post = (payload: string) =>
    app.inject({method: 'POST', url: '/orc/api/v4/keep', headers: {'content-type': 'application/json'}, payload});
  const broken = await post('{"word":');
  expect({status: broken.statusCode, json: JSON.parse(broken.body) as unknown}).toMatchObject({status: 400, json: {code: 'INPUT_INVALID'}});
  const long = await post(JSON.stringify({word: 'x'.repeat(2_000_000)}));
  expect({status: long.statusCode, json: JSON.parse(long.body) as unknown}).toMatchObject({status: 413, json: {code: 'INPUT_INVALID'}});
});

test('who may only read is forbidden to change, before anything is looked at', async () => {
  const {statusCode, body} = await closed.inject({method: 'POST', url: '/api/v4/keep', payload: {nonsense: 1}});
  expect({statusCode, json: JSON.parse(body) as unknown}).toEqual({
    statusCode: 403,
    json: {code: 'FORBIDDEN', message: 'Unauthorized', hint: null},
  });
  expect(await closed.inject('/api/v4/say/aloud?word=x')).toMatchObject({statusCode: 200});
});

test.each([
  {method: 'GET', url: '/orc/api/v4/keep?word=x'},
  {method: 'POST', url: '/orc/api/v4/say/aloud'},
  {method: 'GET', url: '/orc/api/v4/here'},
  {method: 'GET', url: '/api/v4/say/aloud?word=x'},
] as const)('$method $url is no route', async ({method, url}) => {
  expect(await app.inject({method, url})).toMatchObject({statusCode: 404});
});

test.each(['agents', 'agent/h', 'seeds', 'agent-seed/a/b', 'reload-cluster-alias'])('%s is left out, and says so', async (path) => {
  const {statusCode, body} = await app.inject(`/orc/api/${path}`);
  expect({statusCode, json: JSON.parse(body) as unknown}).toEqual({
    statusCode: 501,
    json: {Code: 'ERROR', Message: expect.stringMatching(/^[a-z].{30,}/) as string, Details: null},
  });
});

test('headers come back as they came, without secrets', async () => {
  const {body} = await app.inject({url: '/orc/api/headers', headers: {'x-forwarded-user': 'ann', cookie: 'a=b', authorization: 'Basic x'}});
  expect(JSON.parse(body)).toMatchObject({'X-Forwarded-User': ['ann'], Cookie: ['********'], Authorization: ['********']});
});
