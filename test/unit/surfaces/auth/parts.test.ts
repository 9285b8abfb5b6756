import {expect, test} from 'vitest';
import {isFromElsewhere} from '../../../../src/lib/surfaces/http/auth/cross-site.ts';
import {Logins} from '../../../../src/lib/surfaces/http/auth/logins.ts';
import {trusting} from '../../../../src/lib/surfaces/http/auth/proxies.ts';
import {network} from '../../../../src/lib/config/validate.ts';

const right = (): boolean => true;
const wrong = (): boolean => false;
const login = (password: string) => ({user: 'admin', password});

test('twenty wrong logins, then an address waits, right or wrong; each five seconds it has one more', () => {
  let now = 0;
  const logins = new Logins(() => now);
  for (let turn = 0; turn < 20; turn++) expect(logins.judge('10.0.0.1', login(`x${turn}`), wrong)).toBe('wrong');
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('wait');
  expect(logins.judge('10.0.0.2', login('pw'), right)).toBe('right');
  now = 4999;
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('wait');
  now = 5000;
  expect(logins.judge('10.0.0.1', login('y'), wrong)).toBe('wrong');
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('wait');
  now = 10_000;
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('right');
});

test('who was right before is not locked out by who guesses from the same address', () => {
  const logins = new Logins(() => 0);
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('right');
  for (let turn = 0; turn < 50; turn++) logins.judge('10.0.0.1', login(`x${turn}`), wrong);
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('right');
  expect(logins.judge('10.0.0.1', login('x'), right)).toBe('wait');
});

test('a password that was changed is wrong, also where it was right before', () => {
  const logins = new Logins(() => 0);
  logins.judge('10.0.0.1', login('pw'), right);
  for (let turn = 0; turn < 20; turn++) logins.judge('10.0.0.1', login(`x${turn}`), wrong);
  expect(logins.judge('10.0.0.1', login('pw'), wrong)).toBe('wrong');
  expect(logins.judge('10.0.0.1', login('pw'), right)).toBe('wait');
});

test.each([
  {list: ['10.0.0.0/8'], address: '10.9.8.7', trusted: true},
  {list: ['10.0.0.0/8'], address: '::ffff:10.9.8.7', trusted: true},
  {list: ['10.0.0.0/8'], address: '11.0.0.1', trusted: false},
  {list: ['10.0.0.0/8', '192.168.1.1'], address: '192.168.1.1', trusted: true},
  {list: ['192.168.1.1'], address: '192.168.1.2', trusted: false},
  {list: ['fd00::/8'], address: 'fd00::1', trusted: true},
  {list: ['fd00::/8'], address: 'fe80::1', trusted: false},
  {list: ['10.0.0.0/8'], address: '::1', trusted: false},
  {list: ['10.0.0.0/8'], address: undefined, trusted: true},
  {list: [], address: '127.0.0.1', trusted: false},
])('$list trusts $address: $trusted', ({list, address, trusted}) => {
  expect(trusting(list)(address)).toBe(trusted);
});

test.each(['', 'host', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', '10.0.0'])('%j is no network', (text) => {
  expect(network(text)).toBeNull();
});

test.each([
  {headers: {}, elsewhere: false},
  {headers: {'sec-fetch-site': 'same-origin'}, elsewhere: false},
  {headers: {'sec-fetch-site': 'same-origin', origin: 'https://proxy.example'}, elsewhere: false},
  {headers: {'sec-fetch-site': 'cross-site'}, elsewhere: true},
  {headers: {'sec-fetch-site': 'same-site'}, elsewhere: true},
  {headers: {'sec-fetch-site': 'none'}, elsewhere: true},
  {headers: {'sec-fetch-site': ''}, elsewhere: true},
  {headers: {origin: 'http://orc:3000'}, elsewhere: false},
  {headers: {origin: 'http://orc'}, elsewhere: true},
  {headers: {origin: 'http://evil.example'}, elsewhere: true},
  {headers: {origin: 'null'}, elsewhere: true},
])('$headers comes from elsewhere: $elsewhere', ({headers, elsewhere}) => {
  expect(isFromElsewhere(headers, ['orc:3000'])).toBe(elsewhere);
});
