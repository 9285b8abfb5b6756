import {expect, test} from 'vitest';
import {like} from '../../../src/lib/operations/information/lists.ts';

test.each([
  {pattern: 'db1:3306', text: 'db1:3306', fits: true},
  {pattern: 'DB1:3306', text: 'db1:3306', fits: true},
  {pattern: 'db1', text: 'db1:3306', fits: false},
  {pattern: 'db%', text: 'db1:3306', fits: true},
  {pattern: '%3306', text: 'db1:3306', fits: true},
  {pattern: '%3307', text: 'db1:3306', fits: false},
  {pattern: 'd%1%6', text: 'db1:3306', fits: true},
  {pattern: 'd%6%1', text: 'db1:3306', fits: false},
  {pattern: 'db_:3306', text: 'db1:3306', fits: true},
  {pattern: '%', text: '', fits: true},
  {pattern: '%%', text: 'x', fits: true},
  {pattern: 'a%a', text: 'a', fits: false},
  {pattern: 'a%a', text: 'aa', fits: true},
  {pattern: '%ab%b', text: 'ab', fits: false},
  {pattern: '.*', text: 'db1', fits: false},
  {pattern: '', text: '', fits: true},
])('$pattern is like $text: $fits', ({pattern, text, fits}) => {
  const matches = like(pattern);
  expect([matches(text), matches(text)]).toEqual([fits, fits]);
});

test('a pattern made to take long does not', () => {
  const began = performance.now();
  expect(like(`${'%a'.repeat(60)}b`)('a'.repeat(128))).toBe(false);
  expect(performance.now() - began).toBeLessThan(5000);
});
