import {describe, expect, test} from 'vitest';
import {
  isRelocation,
  relocationActs,
  relocationActText,
  serversOfRelocation,
  stoppedByRelocation,
  type RelocationDocument,
} from '../../../src/lib/execute/relocation/document.ts';
import {involvedIn} from '../../../src/lib/execute/relocation/involved.ts';
import {slots} from '../../../src/lib/execute/relocation/slots.ts';
import {given, named, type Kind} from '../support/given.ts';
import {planned, POSITION, wished} from '../plan/relocation/support.ts';

function documentOf(wish: string, sketch: string, kind: Kind = POSITION): RelocationDocument {
  const plan = planned(wish, {sketch, kind});
  return {version: 1, uid: 'u', plan, acts: relocationActs(plan)};
}

describe('what the journal keeps of a relocation', () => {
  test('one line an act; the hooks of take-master come last', () => {
    const {acts} = documentOf('take-source c', 'a: b; b: c');
    expect(acts.map(({number, stage, weight, act}) => `${number} ${stage} ${weight} ${relocationActText(act)}`)).toEqual([
      '0 0 lost stop the applier of b:3306',
      '1 1 lost point c:3306 at a:3306, past b:3306',
      '2 2 lost point b:3306 at c:3306, which stands where it does',
      '3 3 lost start c:3306 and see it follow a:3306',
      '4 4 lost start b:3306 and see it follow c:3306',
      '5 5 note run PostTakeMasterProcesses',
    ]);
  });

  test('it is told from a recovery, and names all servers it may touch', () => {
    const document = documentOf('relocate c below b', 'a: b c');
    expect([isRelocation(document), isRelocation({plan: {kind: 'promote'}})]).toEqual([true, false]);
    expect([...named(serversOfRelocation(document))].sort()).toEqual(['a', 'b', 'c']);
  });

  test.each([
    {begun: [], stopped: []},
    {begun: [0], stopped: ['b']},
    {begun: [0, 1], stopped: ['b', 'c']},
  ])('given up after acts $begun, $stopped are started', ({begun, stopped}) => {
    const document = documentOf('take-source c', 'a: b; b: c');
    expect(named(stoppedByRelocation(document, (number) => (begun.includes(number) ? 'started' : 'planned')))).toEqual(stopped);
  });
});

test.each([
  {wish: 'relocate d below c', involved: ['d', 'b', 'a', 'c']},
  {wish: 'relocate-replicas b below c', involved: ['b', 'a', 'c', 'd', 'e']},
  {wish: 'take-siblings d', involved: ['d', 'b', 'a', 'e']},
  {wish: 'move-up d', involved: ['d', 'b', 'a']},
  {wish: 'relocate d below x', involved: ['d', 'b', 'a', 'x']},
])('$wish looks at, and locks, $involved', ({wish, involved}) => {
  expect(named(involvedIn(wished(wish), given('a: b c; b: d e')))).toEqual(involved);
});

test('no more than so many at a time, first come first served', async () => {
  const turn = slots(2);
  const log: string[] = [];
  const gates = ['a', 'b', 'c', 'd'].map((name) => ({name, ...Promise.withResolvers<void>()}));
  const all = gates.map(({name, promise}) =>
    turn(async () => {
      log.push(`begin ${name}`);
      await promise;
      log.push(`end ${name}`);
    }),
  );
  for (const {resolve} of [...gates].reverse().slice(2)) resolve();
  await Promise.all(all.slice(0, 2));
  for (const {resolve} of gates) resolve();
  await Promise.all(all);
  expect(log.slice(0, 2)).toEqual(['begin a', 'begin b']);
  const open = log.reduce<number[]>((counts, line) => [...counts, (counts.at(-1) ?? 0) + (line.startsWith('begin') ? 1 : -1)], []);
  expect(Math.max(...open)).toBe(2);
});

test('work that fails gives its turn back', async () => {
  const turn = slots(1);
  await expect(turn(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await turn(() => Promise.resolve('next'))).toBe('next');
});
