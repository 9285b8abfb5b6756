import {describe, expect, test} from 'vitest';
import type {LogEvent} from '../../../../src/lib/flavor/commands/words.ts';
import {flavorOf} from '../../../../src/lib/flavor/flavors.ts';
import {historyWithout} from '../../../../src/lib/plan/instance/errant.ts';
import {fileBefore, filesWith, firstNotExecuted, historyBefore, nextInOrder} from '../../../../src/lib/plan/instance/logs.ts';
import {canSendAgain, restartStatements} from '../../../../src/lib/plan/instance/received.ts';
import {applierStopped, given, key, stopped, uuid, type But, type Kind} from '../../support/given.ts';

const [A, B] = [uuid('a'), uuid('b')];
const event = (type: string, info = '', position = 4): LogEvent => ({at: {file: 'relay.000001', position}, nextPosition: 0, type, info});

describe('binary logs in which errant transactions stand', () => {
  const mysql = [
    {name: 'bin.1', before: ''},
    {name: 'bin.2', before: `${A}:1-50`},
    {name: 'bin.3', before: `${A}:1-80,${B}:1`},
  ];
  test.each([
    {errant: `${B}:1`, files: ['bin.2']},
    {errant: `${B}:1-2`, files: ['bin.2', 'bin.3']},
    {errant: `${B}:2`, files: ['bin.3']},
  ])('$errant', ({errant, files}) => {
    expect(filesWith(errant, mysql, {now: `${A}:1-100,${B}:1-2`, source: '', mariadb: false})).toEqual(files);
  });

  const mariadb = [
    {name: 'bin.1', before: ''},
    {name: 'bin.2', before: '0-1-50'},
    {name: 'bin.3', before: '0-1-80,7-2-1'},
    {name: 'bin.4', before: '0-1-90,7-2-3'},
  ];
  test.each([
    {what: 'all of a pair', errant: '7-2-3', source: '0-1-100', files: ['bin.2', 'bin.3']},
    {what: 'those the source has not', errant: '7-2-3', source: '0-1-100,7-2-1', files: ['bin.3']},
    {what: 'the log being written', errant: '0-2-101', source: '0-1-100', files: ['bin.4']},
  ])('MariaDB: $what', ({errant, source, files}) => {
    expect(filesWith(errant, mariadb, {now: '0-1-100,0-2-101,7-2-3', source, mariadb: true})).toEqual(files);
  });

  test.each([
    {events: [event('Format_desc'), event('Previous_gtids', `${A}:1-5,\n${B}:1`)], history: `${A}:1-5,${B}:1`},
    {events: [event('Format_desc'), event('Gtid_list', '[0-1-5,7-2-1]')], history: '0-1-5,7-2-1'},
    {events: [event('Format_desc'), event('Gtid_list', '[]')], history: ''},
    {events: [event('Format_desc'), event('Query')], history: null},
  ])('what came before, of $events.1.type', ({events, history}) => {
    expect(historyBefore(events)).toBe(history);
  });
});

describe('a history without errant transactions', () => {
  test.each([
    {errant: `${B}:1`, has: `${A}:1-100,${B}:1-2`, source: '', mariadb: false, left: `${A}:1-100,${B}:2`},
    {errant: '7-2-1', has: '0-1-100,7-2-1', source: '0-1-100', mariadb: true, left: '0-1-100'},
    {errant: '0-2-101', has: '0-1-100,0-2-101', source: '0-1-100,0-2-50', mariadb: true, left: '0-2-50,0-1-100'},
    {errant: '0-2-101', has: '0-1-100,0-2-101', source: '0-1-100', mariadb: true, left: '0-1-100'},
  ])('$has without $errant', ({errant, has, source, mariadb, left}) => {
    expect(historyWithout(errant, has, {mariadb, source})).toBe(left);
  });
});

describe('the transaction to skip', () => {
  const gtid = (text: string) => event('Gtid', `SET @@SESSION.GTID_NEXT= '${text}'`);
  test.each([
    {what: 'the first not executed', events: [gtid(`${A}:4`), event('Query'), gtid(`${A}:5`)], executed: `${A}:1-4`, found: `${A}:5`},
    {
      what: 'a tagged one',
      events: [event('Gtid_tagged', `SET @@SESSION.GTID_NEXT= '${A}:app:1'`)],
      executed: `${A}:1-4`,
      found: `${A}:app:1`,
    },
    {what: 'none', events: [gtid(`${A}:4`)], executed: `${A}:1-4`, found: null},
    {what: 'no GTIDs', events: [event('Anonymous_Gtid', "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'")], executed: '', found: null},
  ])('$what', ({events, executed, found}) => {
    expect(firstNotExecuted(events, executed)).toBe(found);
  });

  test.each([
    {received: `${A}:1-10`, executed: `${A}:1-4`, next: [`${A}:5`]},
    {received: `${A}:1-10,${B}:1`, executed: `${A}:1-4`, next: [`${A}:5`, `${B}:1`]},
    {received: `${A}:1-10`, executed: `${A}:1-4:7`, next: []},
    {received: `${A}:1-4`, executed: `${A}:1-4`, next: []},
  ])('of $received after $executed: $next', ({received, executed, next}) => {
    expect(nextInOrder(received, executed)).toEqual(next);
  });
});

test.each([
  {file: 'relay.000010', before: 'relay.000009'},
  {file: 'relay-bin.1000000', before: 'relay-bin.0999999'},
  {file: 'relay.000001', before: null},
  {file: 'relay', before: null},
])('the log before $file', ({file, before}) => {
  expect(fileBefore(file)).toBe(before);
});

describe('whether a source can send it once more', () => {
  test.each<{what: string; kind: Kind; source: But; replica: But; can: boolean}>([
    {what: 'by GTID', kind: {}, source: {}, replica: {replication: {retrievedGtid: `${A}:50-100`}}, can: true},
    {what: 'by GTID, behind', kind: {}, source: {}, replica: {replication: {retrievedGtid: `${A}:50-101`}}, can: false},
    {what: 'MariaDB', kind: {flavor: 'MariaDB'}, source: {}, replica: {replication: {retrievedGtid: '0-1-100'}}, can: true},
    {what: 'MariaDB, behind', kind: {flavor: 'MariaDB'}, source: {}, replica: {replication: {retrievedGtid: '0-1-101'}}, can: false},
    {what: 'MariaDB, another server', kind: {flavor: 'MariaDB'}, source: {}, replica: {replication: {retrievedGtid: '0-9-50'}}, can: false},
    {
      what: 'by position',
      kind: {gtid: false},
      source: {},
      replica: {replication: {read: {file: 'binlog.000001', position: 1000}}},
      can: true,
    },
    {
      what: 'by position, behind',
      kind: {gtid: false},
      source: {},
      replica: {replication: {read: {file: 'binlog.000002', position: 4}}},
      can: false,
    },
  ])('$what: $can', ({kind, source, replica, can}) => {
    const topology = given('a: b', {a: source, b: replica}, kind);
    expect(canSendAgain(topology.get(key('a'))!, topology.get(key('b'))!.replication!)).toBe(can);
  });
});

describe('statements of a restart', () => {
  const of = (version: string, but: But, kind: Kind = {}) => {
    const instance = given('a: b', {b: but}, kind).get(key('b'))!;
    return restartStatements(flavorOf({version, versionComment: ''}), instance, ' set global x = 1; ');
  };
  test.each<{what: string; version: string; but: But; expected: readonly string[]}>([
    {
      what: 'both threads',
      version: '5.6.51',
      but: {},
      expected: [
        'STOP SLAVE IO_THREAD;',
        'STOP SLAVE SQL_THREAD;',
        'set global x = 1;',
        'START SLAVE SQL_THREAD;',
        'START SLAVE IO_THREAD;',
      ],
    },
    {
      what: 'the receiver',
      version: '5.6.51',
      but: applierStopped,
      expected: ['STOP SLAVE IO_THREAD;', 'set global x = 1;', 'START SLAVE IO_THREAD;'],
    },
    {what: 'none', version: '9.7.1', but: stopped, expected: ['set global x = 1;']},
  ])('$what', ({version, but, expected}) => {
    expect(of(version, but)).toEqual(expected);
  });

  test('what is no replica has none', () => {
    expect(of('9.7.1', {replication: null})).toBeNull();
  });
});
