import {expect, test} from 'vitest';
import {sourcesToMark} from '../../../../src/lib/plan/pseudo-gtid/sources.ts';
import {down, given, named, type But} from '../../support/given.ts';

const waiting: But = {semiSync: {sourceEnabled: true, sourceStatus: true, sourceWaitCount: 1, sourceClients: 0}};

test.each<{sketch: string; but?: Readonly<Record<string, But>>; marks: readonly string[]; stale?: string; lost?: string}>([
  {sketch: 'a: b c; b: d', marks: ['a']},
  {sketch: 'a: b; c: d', but: {c: {readOnly: false, superReadOnly: false}}, marks: ['a', 'c']},
  {sketch: 'a:', marks: []},
  {sketch: 'a: b', but: {a: down}, marks: []},
  {sketch: 'a: b', but: {a: {readOnly: true}}, marks: []},
  {sketch: 'a: b', but: {a: {superReadOnly: true}}, marks: []},
  {sketch: 'a: b', but: {a: {binlog: {enabled: false}}}, marks: []},
  {sketch: 'a: b', but: {a: waiting}, marks: []},
  {sketch: 'a: b', but: {a: {semiSync: {...(waiting.semiSync as object), sourceClients: 1}}}, marks: ['a']},
  {sketch: 'a: b; b: c', but: {b: {readOnly: false, superReadOnly: false}}, marks: ['a']},
  {sketch: 'a: b; b: a', marks: ['a']},
  {sketch: 'a: b', stale: 'a', marks: []},
  {sketch: 'a: b', lost: 'a', marks: []},
])('of $sketch with $but: $marks', ({sketch, but = {}, marks, stale, lost}) => {
  const found = sourcesToMark(given(sketch, but), {isFresh: ({key}) => key.host !== stale, isLost: ({key}) => key.host === lost});
  expect(named(found.map(({key}) => key))).toEqual(marks);
});
