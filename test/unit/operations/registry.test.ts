import {globSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {COMMANDS} from '../../../src/command-map.ts';
import {optionsOf, SECTIONS} from '../../../src/lib/operations/define.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {understand} from '../../../src/lib/surfaces/cli/argv.ts';
import {BORNE, COMMON} from '../../../src/lib/surfaces/cli/options.ts';

const folder = path.resolve(import.meta.dirname, '../../../src/commands');
const names = ALL.map((operation) => operation.name);

test('no name, old or new, is given twice', () => {
  const all = ALL.flatMap((operation) => [operation.name, ...operation.formerly]);
  expect(all.filter((name, at) => all.indexOf(name) !== at)).toEqual([]);
});

test('every operation has a file in src/commands, and every file an operation', () => {
  const files = globSync('**/*.ts', {cwd: folder}).map((file) => file.replace(/\.ts$/, '').replaceAll(path.sep, ' '));
  expect(files.sort()).toEqual([...names].sort());
  expect(Object.keys(COMMANDS).sort()).toEqual([...names].sort());
});

test.each(names)('%s: its file is the command of that operation', async (name) => {
  const {default: found} = (await COMMANDS[name]?.()) ?? {};
  const operation = ALL.find((one) => one.name === name);
  expect(found?.id).toBe(name.replaceAll(' ', ':'));
  expect(found?.hiddenAliases).toEqual(operation?.formerly);
  expect(Object.keys(found?.flags ?? {})).toEqual(
    expect.arrayContaining(operation ? optionsOf(operation).map((option) => option.name) : ['?']),
  );
});

test.each(ALL)('$name says what it is, and its examples work', (operation) => {
  expect(operation.about).toMatch(/^[A-Z].*[^.]$/);
  expect(SECTIONS).toContain(operation.section);
  expect(operation.examples.length).toBeGreaterThan(0);
  for (const example of operation.examples) {
    const words = [...example.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replace(/["']/g, ''));
    const request = understand(words, ALL);
    expect(request).toMatchObject({ask: 'run', operation: {name: operation.name}});
    const texts = request.ask === 'run' ? request.texts : {};
    expect(() => operation.prepare(texts)).not.toThrow();
  }
});

test('a spelling is always a switch or always takes a value, whatever the command', () => {
  const all = [...ALL.flatMap(optionsOf), ...COMMON, ...BORNE];
  const spellings = all.flatMap((option) =>
    [option.name, ...(option.short ? [option.short] : [])].map((spelling) => ({spelling, switch: option.value === null})),
  );
  const both = spellings.filter((one) => spellings.some((other) => other.spelling === one.spelling && other.switch !== one.switch));
  expect(both).toEqual([]);
});

test('within a command no option is spelled like another', () => {
  const clashes = ALL.flatMap((operation) => {
    const spellings = [...optionsOf(operation), ...COMMON].flatMap((option) => [option.name, ...(option.short ? [option.short] : [])]);
    return spellings.filter((spelling, at) => spellings.indexOf(spelling) !== at).map((spelling) => `${operation.name}: ${spelling}`);
  });
  expect(clashes).toEqual([]);
});

test('the commands of version 3 that this version has go by the same names', () => {
  const expected =
    'discover forget forget-cluster clusters clusters-alias all-instances all-clusters-masters search find topology topology-tabulated which-instance which-cluster which-cluster-alias which-cluster-master which-cluster-instances which-master which-replicas which-downtimed-instances which-lost-in-recovery instance-status replication-analysis begin-downtime end-downtime begin-maintenance end-maintenance in-maintenance register-candidate recover recover-lite ack-all-recoveries ack-cluster-recoveries ack-instance-recoveries disable-global-recoveries enable-global-recoveries check-global-recoveries active-nodes redeploy-internal-db dump-config serve';
  expect(expected.split(' ').filter((name) => !names.includes(name))).toEqual([]);
});

test('no two operations answer on the same path', () => {
  const paths = ALL.flatMap((operation) => operation.routes.map((route) => route.path.replaceAll(/:\w+/g, ':')));
  expect(paths.filter((one, at) => paths.indexOf(one) !== at)).toEqual([]);
});
