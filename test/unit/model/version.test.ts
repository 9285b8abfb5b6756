import {expect, test} from 'vitest';
import {atLeast, compareMajorVersions, compareVersions, parseVersion} from '../../../src/lib/model/version.ts';

test.each([
  {text: '10.11.18-MariaDB-0+deb12u1-log', is: [10, 11, 18]},
  {text: '5.5.5-10.11.18-MariaDB', is: [10, 11, 18]},
  {text: '5.5.5-m3', is: [5, 5, 5]},
  {text: '9.7.4-2', is: [9, 7, 4]},
  {text: '5.6.24-log', is: [5, 6, 24]},
  {text: '8.0.36-28', is: [8, 0, 36]},
  {text: '9.7', is: [9, 7, 0]},
])('$text is $is', ({text, is}) => {
  const {major, minor, patch} = parseVersion(text);
  expect([major, minor, patch]).toEqual(is);
});

test.each(['', 'Unknown', 'v8'])('%j is no version', (text) => {
  expect(() => parseVersion(text)).toThrow(expect.objectContaining({code: 'SERVER_UNKNOWN'}));
});

test('versions compare by number, not by text', () => {
  expect(compareVersions(parseVersion('10.6.1'), parseVersion('10.11.1'))).toBeLessThan(0);
  expect(compareMajorVersions(parseVersion('8.0.26'), parseVersion('8.0.36'))).toBe(0);
  expect(atLeast('10.11.18-MariaDB', '10.11.2')).toBe(true);
  expect(atLeast('8.0.25', '8.0.26')).toBe(false);
  expect(atLeast('8.0.26-17', '8.0.26')).toBe(true);
});
