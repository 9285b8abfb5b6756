import {expect, test} from 'vitest';
import {keyText, parseInstanceKey} from '../../../src/lib/model/instance-key.ts';

test.each([
  ['db1', 'db1', 3307],
  ['db-1.example.com:3306', 'db-1.example.com', 3306],
  ['  db_1:33060 ', 'db_1', 33060],
  ['10.0.0.1:1', '10.0.0.1', 1],
  ['[2001:db8::1]:3306', '2001:db8::1', 3306],
  ['[2001:db8::1]', '2001:db8::1', 3307],
  ['2001:db8::1', '2001:db8::1', 3307],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1', 3307],
  ['//db1:3306', '//db1', 3306],
])('%j is %s, port %i', (text, host, port) => {
  const key = parseInstanceKey(text, 3307);
  expect(key).toEqual({host, port});
  expect(parseInstanceKey(keyText(key), 1)).toEqual(key);
});

test.each([
  '',
  ' ',
  ':3306',
  'db1:',
  'db1:0',
  'db1:65536',
  'db1:-1',
  'db1:x',
  'db 1:3306',
  'db1;db2',
  'db1:3306:3307',
  '[db1]:3306',
  '[::1',
  '../../etc/passwd',
  '/db1:3306',
  '///db1:3306',
  'db1/x:3306',
  'http://db1:3306',
])('%j is not an instance', (text) => {
  expect(() => parseInstanceKey(text, 3307)).toThrow(`${JSON.stringify(text)} is not an instance`);
});
