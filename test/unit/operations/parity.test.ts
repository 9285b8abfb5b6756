import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {LEFT_OUT} from '../../../src/lib/operations/left-out.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {BORNE, COMMON} from '../../../src/lib/surfaces/cli/options.ts';
import interface326 from '../../fixtures/interface-3.2.6.json' with {type: 'json'};
import {ROOT} from '../sources.ts';

/** Answered by the service itself, without an operation. */
const OF_THE_SERVICE =
  'lb-check _ping leader-check leader-check/:status routed-leader-check health status headers grab-election reelect reload-configuration backend-query-metrics-aggregated/:seconds backend-query-metrics-raw/:seconds discovery-metrics-aggregated/:seconds discovery-metrics-raw/:seconds discovery-queue-metrics-aggregated/:seconds discovery-queue-metrics-raw/:seconds write-buffer-metrics-aggregated/:seconds write-buffer-metrics-raw/:seconds'.split(
    ' ',
  );

const shape = (route: string): string => route.replaceAll(/:\w+/g, ':');
const commands = new Set(ALL.flatMap((operation) => [operation.name, ...operation.formerly]));
const routes = new Set([...ALL.flatMap((operation) => operation.routes.map((route) => route.path)), ...OF_THE_SERVICE].map(shape));
const leftOutCommands = new Set(LEFT_OUT.flatMap((one) => one.commands));
const leftOutRoutes = new Set(LEFT_OUT.flatMap((one) => one.routes).map(shape));

test('the list of names is whole', () => {
  const {commands: named, synonyms, routes: paths, routeSynonyms, flags} = interface326;
  const counts = [named, Object.keys(synonyms), paths, routeSynonyms, flags].map((list) => new Set(list).size);
  expect(counts).toEqual([126, 26, 222, 23, 31]);
});

test('every command of 3.2.6 and every synonym is there, or left out with a reason', () => {
  const names = [...interface326.commands, ...Object.entries(interface326.synonyms).flat()];
  const missing = names.filter((name) => !commands.has(name) && !leftOutCommands.has(name));
  expect(missing).toEqual([]);
});

test('a synonym means what it meant', () => {
  const strays = Object.entries(interface326.synonyms).filter(([old, name]) => {
    const operation = ALL.find((one) => [one.name, ...one.formerly].includes(old));
    return operation !== undefined && ![operation.name, ...operation.formerly].includes(name);
  });
  expect(strays).toEqual([]);
});

test('every route of 3.2.6 and every synonym is there, or left out with a reason', () => {
  const missing = [...interface326.routes, ...interface326.routeSynonyms].filter(
    (route) => !routes.has(shape(route)) && !leftOutRoutes.has(shape(route)),
  );
  expect(missing).toEqual([]);
});

test('nothing is both there and left out', () => {
  expect([...leftOutCommands].filter((name) => commands.has(name))).toEqual([]);
  expect([...leftOutRoutes].filter((route) => routes.has(route))).toEqual([]);
});

test.each(interface326.flags)('the option -%s is understood', (name) => {
  const options = [...COMMON, ...BORNE];
  expect(options.some((option) => option.name === name || option.short === name)).toBe(true);
});

test('docs/differences.md names everything that is left out', () => {
  const page = readFileSync(path.join(ROOT, 'docs/differences.md'), 'utf8');
  const section = page.slice(page.indexOf('## Left out'), page.indexOf('## Safer'));
  const named = [...section.matchAll(/`([^`]+)`/g)].map(([, name = '']) => new RegExp(`^${name.replaceAll('*', '.*')}$`));
  const names = LEFT_OUT.flatMap((one) => [...one.commands, ...one.routes.map((route) => route.split('/')[0] ?? '')]);
  expect(names.filter((name) => !named.some((pattern) => pattern.test(name)))).toEqual([]);
});
