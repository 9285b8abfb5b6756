import {expect, test} from 'vitest';
import {backendAddresses, primaryOf, type Member} from '../../src/lib/store/connection/way-in.ts';

const [A, B, C] = ['a', 'b', 'c'].map((host) => ({host, port: 3306})) as [Member, Member, Member];
const member = (key: {host: string; port: number}, state: string, role: string, itself = false): Member => ({...key, state, role, itself});

test.each<{what: string; members: readonly Member[]; primary: {host: string; port: number} | null}>([
  {
    what: 'whom all follow',
    members: [member(A, 'ONLINE', 'SECONDARY', true), member(B, 'ONLINE', 'PRIMARY'), member(C, 'ONLINE', 'SECONDARY')],
    primary: B,
  },
  {
    what: 'the asked one itself, by the name we reach it under',
    members: [
      member({host: 'inside', port: 1}, 'ONLINE', 'PRIMARY', true),
      member(B, 'ONLINE', 'SECONDARY'),
      member(C, 'ONLINE', 'SECONDARY'),
    ],
    primary: A,
  },
  {
    what: 'the asked one, of several that write',
    members: [member(B, 'ONLINE', 'PRIMARY'), member(A, 'ONLINE', 'PRIMARY', true), member(C, 'ONLINE', 'PRIMARY')],
    primary: A,
  },
  {
    what: 'nobody, where the majority is gone',
    members: [member(A, 'ONLINE', 'PRIMARY', true), member(B, 'UNREACHABLE', 'SECONDARY'), member(C, 'UNREACHABLE', 'SECONDARY')],
    primary: null,
  },
  {
    what: 'nobody, while no primary is elected',
    members: [member(A, 'ONLINE', 'SECONDARY', true), member(B, 'UNREACHABLE', 'PRIMARY'), member(C, 'ONLINE', 'SECONDARY')],
    primary: null,
  },
  {what: 'nobody, for one that left the group', members: [member({host: '', port: 3306}, 'OFFLINE', '', false)], primary: null},
  {
    what: 'one that the list does not name',
    members: [member(A, 'ONLINE', 'SECONDARY', true), member({host: 'd', port: 3307}, 'ONLINE', 'PRIMARY')],
    primary: {host: 'd', port: 3307},
  },
])('the way in is $what', ({members, primary}) => {
  expect(primaryOf(A, members, [A, B, C])).toEqual(primary);
});

test.each([
  {host: '', addresses: ['127.0.0.1:3306']},
  {host: 'db', addresses: ['db:3306']},
  {host: 'a, b:3307,[::1]:3308', addresses: ['a:3306', 'b:3307', '::1:3308']},
])('MySQLOrchestratorHost "$host" names $addresses', ({host, addresses}) => {
  const found = backendAddresses({MySQLOrchestratorHost: host, MySQLOrchestratorPort: 3306});
  expect(found.map((one) => `${one.host}:${one.port}`)).toEqual(addresses);
});
