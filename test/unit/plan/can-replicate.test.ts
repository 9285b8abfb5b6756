import {expect, test} from 'vitest';
import {canReplicateFrom, whyCannotReplicate} from '../../../src/lib/plan/can-replicate.ts';
import {given, key, type But, type Kind} from '../support/given.ts';
import {configured} from '../support/policy.ts';

interface Case {
  readonly what: string;
  readonly b?: But;
  readonly c?: But;
  readonly keys?: Parameters<typeof configured>[0];
  readonly kind?: Kind;
  readonly why: RegExp | null;
}

/** Could b follow its sibling c? */
test.each<Case>([
  {what: 'equals', why: null},
  {what: 'no binary log', c: {binlog: {enabled: false}}, why: /no binary log/},
  {what: 'does not log what it replicates', c: {binlog: {logsReplicaUpdates: false}}, why: /does not log/},
  {what: 'newer', b: {version: '8.0.36'}, c: {version: '8.4.5'}, why: /8.0.36.*older than 8.4.5/},
  {what: 'newer in the last number only', b: {version: '8.4.4'}, c: {version: '8.4.9'}, why: null},
  {what: 'older', b: {version: '9.7.4'}, c: {version: '8.4.5'}, why: null},
  {
    what: 'older by number, not by text',
    b: {version: '10.11.2-MariaDB'},
    c: {version: '10.6.3-MariaDB'},
    kind: {flavor: 'MariaDB'},
    why: null,
  },
  {
    what: 'newer by number, not by text',
    b: {version: '10.6.3-MariaDB'},
    c: {version: '10.11.2-MariaDB'},
    kind: {flavor: 'MariaDB'},
    why: /older/,
  },
  {what: 'a binlog server may be older', b: {flavor: 'MaxScale', version: '2.0.0'}, why: null},
  {what: 'below a binlog server, whose version is its own', c: {flavor: 'MaxScale', version: '24.2.1-maxscale'}, why: null},
  {what: 'below a binlog server, which names no format', c: {flavor: 'MaxScale', binlog: {format: 'INHERIT'}}, why: null},
  {what: 'MySQL below MariaDB', c: {flavor: 'MariaDB', version: '10.11.2-MariaDB'}, why: /is MariaDB/},
  {what: 'MariaDB below MySQL', b: {flavor: 'MariaDB', version: '10.11.2-MariaDB'}, why: null},
  {what: 'statement below row', b: {binlog: {format: 'STATEMENT'}}, why: /STATEMENT.*ROW/},
  {what: 'statement below row, not logging', b: {binlog: {format: 'STATEMENT', logsReplicaUpdates: false}}, why: null},
  {what: 'row below statement', c: {binlog: {format: 'STATEMENT'}}, why: null},
  {what: 'mixed below row', b: {binlog: {format: 'mixed'}}, why: /format/},
  {what: 'filters, unchecked', c: {replication: {hasFilters: true}}, why: null},
  {what: 'filters', c: {replication: {hasFilters: true}}, keys: {VerifyReplicationFilters: true}, why: /filters/},
  {
    what: 'filters on both',
    b: {replication: {hasFilters: true}},
    c: {replication: {hasFilters: true}},
    keys: {VerifyReplicationFilters: true},
    why: null,
  },
  {what: 'same server_id', b: {serverId: 7}, c: {serverId: 7}, why: /server_id 7/},
  {what: 'same server_uuid', b: {serverUuid: 'x'}, c: {serverUuid: 'x'}, why: /server_uuid/},
  {what: 'no server_uuid on either', b: {serverUuid: ''}, c: {serverUuid: ''}, why: null},
  {what: 'more delayed', c: {replication: {delay: 30}}, why: /delayed by 30 s/},
  {what: 'more delayed, within reason', c: {replication: {delay: 20}}, why: null},
  {what: 'as delayed', b: {replication: {delay: 30}}, c: {replication: {delay: 30}}, why: null},
])('$what: $why', ({b = {}, c = {}, keys, kind, why}) => {
  const topology = given('a: b c', {b, c}, kind);
  const found = whyCannotReplicate(topology.get(key('b'))!, topology.get(key('c'))!, configured(keys));
  expect(found === null).toBe(why === null);
  expect(found ?? '').toMatch(why ?? /^$/);
});

test('nobody follows itself; a source need not log what it replicates', () => {
  const topology = given('a: b', {a: {binlog: {logsReplicaUpdates: false}}});
  const [a, b] = [topology.get(key('a'))!, topology.get(key('b'))!];
  expect(canReplicateFrom(b, b, configured())).toBe(false);
  expect(canReplicateFrom(b, a, configured())).toBe(true);
});
