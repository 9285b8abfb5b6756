import {expect, test} from 'vitest';
import type {Config} from '../../src/lib/config/keys.ts';
import {takeUp, takesEffectAtOnce} from '../../src/lib/config/reload.ts';
import {configured} from './support/policy.ts';

const from = (keys: Partial<Config>): Config => ({...configured({}), ...keys});

test.each([
  {what: 'nothing', read: {}, applied: [], waiting: []},
  {what: 'a filter', read: {RecoverMasterClusterFilters: ['shop']}, applied: ['RecoverMasterClusterFilters'], waiting: []},
  {what: 'a hook', read: {PreFailoverProcesses: ['true']}, applied: ['PreFailoverProcesses'], waiting: []},
  {what: 'a listener', read: {ListenAddress: ':1'}, applied: [], waiting: ['ListenAddress']},
  {what: 'syslog', read: {AuditToSyslog: true, AuditLogFile: '/a'}, applied: ['AuditLogFile'], waiting: ['AuditToSyslog']},
  {what: 'a password', read: {MySQLTopologyPassword: 'x'}, applied: [], waiting: ['MySQLTopologyPassword']},
])('$what that changed', ({read, applied, waiting}) => {
  const live = from({});
  const found = takeUp(live, from(read as Partial<Config>));
  expect([...found.applied].sort()).toEqual(applied);
  expect(found.waiting).toEqual(waiting);
  for (const key of found.applied) expect(live[key]).toEqual((read as Partial<Config>)[key]);
  for (const key of found.waiting) expect(live[key]).toEqual(from({})[key]);
});

test('what the command line says stays', () => {
  const live = from({RecoverMasterClusterFilters: ['*']});
  const found = takeUp(live, from({RecoverMasterClusterFilters: ['shop']}), new Set(['RecoverMasterClusterFilters']));
  expect(found).toEqual({applied: [], waiting: []});
  expect(live.RecoverMasterClusterFilters).toEqual(['*']);
});

test('what is opened or begun at start waits for a restart', () => {
  expect(
    (['BackendDB', 'InstancePollSeconds', 'SSLCertFile', 'GraphiteAddr', 'AuthenticationMethod'] as const).filter(takesEffectAtOnce),
  ).toEqual([]);
});
