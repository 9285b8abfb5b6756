import {expect, test} from 'vitest';
import {
  BinlogState,
  comparePositions,
  mariadbGtidText,
  parseMariadbGtids,
  parseMariadbPosition,
  strangersIn,
} from '../../../src/lib/model/mariadb-gtid.ts';

test.each([
  {text: '', reads: []},
  {text: '0-1-100', reads: ['0-1-100']},
  {text: ' 1-2-5 ,\n0-1-100,', reads: ['1-2-5', '0-1-100']},
])('$text reads as $reads', ({text, reads}) => {
  expect(parseMariadbGtids(text).map(mariadbGtidText)).toEqual(reads);
});

test.each(['0-1', '0-1-2-3', 'a-b-c', '0-1-99999999999999999999'])('%s is refused', (text) => {
  expect(() => parseMariadbGtids(text)).toThrow(expect.objectContaining({code: 'INPUT_INVALID'}));
});

test('a position names a domain once, a binlog state may name it for several servers', () => {
  expect(() => parseMariadbPosition('0-1-5,0-2-6')).toThrow(/domain 0/);
  expect(BinlogState.parse('0-1-5,0-2-6,0-1-4').gtids().map(mariadbGtidText)).toEqual(['0-1-5', '0-2-6']);
});

test.each([
  {a: '0-1-5', b: '0-1-5', says: 'same'},
  {a: '', b: '', says: 'same'},
  {a: '0-1-6', b: '0-1-5', says: 'ahead'},
  {a: '0-2-6', b: '0-1-5', says: 'ahead'},
  {a: '0-1-5', b: '0-1-5,1-1-1', says: 'behind'},
  {a: '0-1-6,1-1-1', b: '0-1-5,1-1-2', says: 'diverged'},
  {a: '0-1-5', b: '0-2-5', says: 'diverged'},
])('$a against $b is $says', ({a, b, says}) => {
  expect(comparePositions(parseMariadbPosition(a), parseMariadbPosition(b))).toBe(says);
});

test.each([
  {state: '0-1-5', other: '0-1-5', says: 'yes'},
  {state: '0-1-5', other: '0-1-4', says: 'yes'},
  {state: '0-1-5', other: '', says: 'yes'},
  {state: '0-1-5', other: '0-1-6', says: 'no'},
  {state: '0-1-5', other: '0-2-1', says: 'unknown'},
  {state: '0-1-5', other: '1-1-1', says: 'unknown'},
  {state: '0-1-5', other: '0-2-1,0-1-6', says: 'no'},
  // Positions alone would say the first is behind the second: 11 < 120.
  {state: '0-2-10,0-3-120', other: '0-2-11', says: 'no'},
])('$state contains $other: $says', ({state, other, says}) => {
  expect(BinlogState.parse(state).containsAll(BinlogState.parse(other))).toBe(says);
});

test.each([
  {ours: '0-1-100', theirs: '0-1-90', expected: [1], errant: [], unknown: []},
  {ours: '0-1-100', theirs: '0-1-90', expected: [], errant: ['0-1-100'], unknown: []},
  {ours: '0-1-100,0-3-101', theirs: '0-1-100', expected: [1], errant: [], unknown: ['0-3-101']},
  {ours: '0-3-9,0-1-100', theirs: '0-3-8,0-1-100', expected: [1], errant: ['0-3-9'], unknown: []},
  {ours: '', theirs: '0-1-100', expected: [], errant: [], unknown: []},
])('$ours beside $theirs: errant $errant, unknown $unknown', ({ours, theirs, expected, errant, unknown}) => {
  const found = strangersIn(BinlogState.parse(ours), BinlogState.parse(theirs), expected);
  expect({errant: found.errant.map(mariadbGtidText), unknown: found.unknown.map(mariadbGtidText)}).toEqual({errant, unknown});
});
