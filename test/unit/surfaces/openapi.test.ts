import {expect, test} from 'vitest';
import {optionsOf} from '../../../src/lib/operations/define.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {openApi} from '../../../src/lib/surfaces/http/openapi.ts';
import {KEYS, type Config} from '../../../src/lib/config/keys.ts';
import type {Ports} from '../../../src/lib/operations/context.ts';
import {ourPath} from '../../../src/lib/surfaces/http/our-routes.ts';
import {createHttp} from '../../../src/lib/surfaces/http/server.ts';
import {SERVICE_PATHS} from '../../../src/lib/surfaces/http/service-paths.ts';

interface Item {
  readonly operationId?: string;
  readonly parameters?: readonly {readonly name: string; readonly in: string}[];
  readonly requestBody?: {readonly content: {readonly 'application/json': {readonly schema: {readonly properties: object}}}};
}
const described = openApi(ALL, {version: '4.0.0', prefix: '/orc'}) as unknown as {
  readonly openapi: string;
  readonly servers: readonly {readonly url: string}[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Item>>>>;
};

test('it says what it is, and where it is', () => {
  expect(described).toMatchObject({openapi: '3.1.0', info: {title: 'orchestrator', version: '4.0.0'}, servers: [{url: '/orc'}]});
});

test.each(ALL.filter((operation) => !operation.localOnly))('$name is there, with every option', (operation) => {
  const item = described.paths[ourPath(operation)];
  expect(Object.keys(item ?? {})).toEqual([operation.changes === 'nothing' ? 'get' : 'post']);
  const {parameters, requestBody} = Object.values(item ?? {})[0]!;
  const named = parameters?.map(({name}) => name) ?? Object.keys(requestBody?.content['application/json'].schema.properties ?? {});
  expect(named.filter((name) => name !== 'owner')).toEqual(optionsOf(operation).map(({name}) => name));
});

test('no name is given twice, and every parameter of a path is described', () => {
  const items = Object.values(described.paths).flatMap((path) => Object.values(path));
  const ids = items.flatMap(({operationId}) => operationId ?? []);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  const wrong = Object.entries(described.paths).filter(([path, methods]) => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    return Object.values(methods).some(
      ({parameters = []}) => JSON.stringify(parameters.filter((one) => one.in === 'path').map(({name}) => name)) !== JSON.stringify(inPath),
    );
  });
  expect(wrong).toEqual([]);
});

test('what points somewhere points at something', () => {
  const text = JSON.stringify(described);
  for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) expect(text).toContain(`"${name}":{"type"`);
});

test('what the service answers from itself is there, and what is there is answered', async () => {
  const config = Object.fromEntries(Object.entries(KEYS).map(([name, {default: value}]) => [name, value ?? []])) as unknown as Config;
  const none = new Proxy({}, {get: () => () => Promise.reject(new Error('not asked'))}) as never;
  const ports = {build: {version: '4', revision: ''}, node: {hostname: 'n', token: 't'}} as unknown as Ports;
  const log = (): void => undefined;
  const app = await createHttp({config, ports, service: none, operations: ALL, measures: none, gatherer: none, log});
  try {
    for (const {path, methods} of SERVICE_PATHS) {
      expect(Object.keys(described.paths[path] ?? {})).toEqual(methods);
      const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
      for (const method of methods)
        expect({url, there: app.hasRoute({url, method: method.toUpperCase() as 'GET'})}).toEqual({url, there: true});
    }
  } finally {
    await app.close();
  }
});
