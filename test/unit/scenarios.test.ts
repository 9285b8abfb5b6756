import {describe, expect, test} from 'vitest';
import {idsIn} from '../servers/support/scenarios/lines.ts';
import {parseScenario, readScenarios} from '../servers/support/scenarios/scenario.ts';

const good = {topology: '# A case.\na: b c\nrows 1-3', do: 'kill a', expect: 'b: c'};

describe('the folders', () => {
  const all = readScenarios();

  test('are well-formed, and there are enough of them on every family of servers', () => {
    expect(all.length).toBeGreaterThanOrEqual(60);
    const sensitive = (flavor: 'mysql9' | 'mysql56'): number =>
      all.filter(({flavors, versionSensitive}) => versionSensitive && flavors.includes(flavor)).length;
    expect(Math.min(sensitive('mysql9'), sensitive('mysql56'))).toBeGreaterThanOrEqual(15);
  });

  test('are each about something else', () => {
    const titles = all.map(({title}) => title);
    expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([]);
  });
});

test('a folder is read', () => {
  const read = parseScenario('case', {
    topology: '# What it is about.\n\na: b c\nc: d\nflavors mariadb mysql9\nversion-sensitive\nconfig SomeKey ["one two"]',
    do: '# not a line\norchestrator relocate -i b -d c\ninsert a 3,5-7\nkill a b',
    expect: 'c: b d\nprints b<c\nrows 1-3\nwritable',
  });
  expect(read).toMatchObject({
    title: 'What it is about.',
    flavors: ['mariadb', 'mysql9'],
    versionSensitive: true,
    tree: 'a: b c; c: d',
    after: {names: ['c', 'b', 'd']},
  });
  expect(read.options.at(-1)).toEqual({number: 7, verb: 'config', args: ['SomeKey', '["one two"]']});
  expect(read.steps.map(({verb, args}) => [verb, ...args])).toEqual([
    ['orchestrator', 'relocate -i b -d c'],
    ['insert', 'a', '3,5-7'],
    ['kill', 'a b'],
  ]);
});

test.each<[what: string, texts: Partial<typeof good>, says: string]>([
  [
    'a word that is not known',
    {do: 'kil a'},
    'case/do:1: "kil" is not known here; a line is a tree such as "a: b c", or begins with orchestrator',
  ],
  ['a server that is not there', {do: '\nkill x'}, 'case/do:2: "kill x": there is no server x; it should be: kill <servers>'],
  ['something missing', {do: 'insert a'}, 'case/do:1: "insert a": <rows> is missing; it should be: insert <server> <rows>'],
  ['something too much', {do: 'release b c'}, 'case/do:1: "release b c": "c" is too much; it should be: release <server>'],
  ['rows that are none', {do: 'insert a b'}, 'case/do:1: "insert a b": "b" are no rows such as 1-10 or 3,5-7'],
  ['a number that is none', {do: 'delay a soon'}, 'case/do:1: "delay a soon": "soon" is no number'],
  ['a pattern without slashes', {expect: 'says no'}, 'case/expect:1: "says no": a pattern stands between slashes'],
  ['nothing to do', {do: '# nothing'}, 'case/do: nothing is done.'],
  ['nothing expected', {expect: ''}, 'case/expect: nothing is expected.'],
  ['no word about what it is for', {topology: 'a: b c'}, 'case/topology: the first line says what the case is about, after a #.'],
  ['no tree', {topology: '# A case.\nrows 1'}, "case/topology: A topology looks like 'a: b c; b: d'"],
  ['a tree among what is done', {do: 'kill a\nb: c'}, 'case/do: "b: c" is a tree, and nothing to do.'],
  ['an expected server that is not there', {expect: 'b: c d'}, 'case/expect: there is no server d.'],
  [
    'a flavor that is none',
    {topology: '# A case.\na: b c\nflavors oracle'},
    'case/topology: no flavor oracle; there are mariadb, mysql9, mysql56.',
  ],
])('%s is told with its place', (_what, texts, says) => {
  expect(() => parseScenario('case', {...good, ...texts})).toThrow(says);
});

test.each<[string, readonly number[]]>([
  ['3', [3]],
  ['1-3', [1, 2, 3]],
  ['1-2,7,9-10', [1, 2, 7, 9, 10]],
])('rows %s', (text, ids) => expect(idsIn(text)).toEqual(ids));
