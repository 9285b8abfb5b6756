import {describe, expect, test} from 'vitest';
import {hostgroupsOf} from '../../../src/lib/kv/proxysql/directory.ts';
import {publicationStatements, withdrawalStatements, type ServerRow} from '../../../src/lib/kv/proxysql/plan.ts';

const [a, b] = [
  {host: 'a', port: 3306},
  {host: "b'c", port: 3306},
];
const row = (hostgroup: number, server: ServerRow['server'], but: Partial<ServerRow> = {}): ServerRow => ({
  hostgroup,
  server,
  status: 'ONLINE',
  settings: {weight: 1},
  ...but,
});
const groups = {writer: 10, reader: 20, writerReads: true};
const cluster = {name: 'a:3306', alias: 'shop'};

describe('taking a source out', () => {
  test.each<[string, readonly ServerRow[], number]>([
    ['the writer', [row(10, a), row(20, a), row(10, b)], 1],
    ['one that is out already', [row(10, a, {status: 'OFFLINE_HARD'})], 0],
    ['one that is none', [row(10, b), row(20, a)], 0],
  ])('%s', (_what, rows, count) => {
    expect(withdrawalStatements(rows, groups, {cluster, demoted: a})).toEqual(
      Array(count).fill("UPDATE mysql_servers SET status = 'OFFLINE_HARD' WHERE hostgroup_id = 10 AND hostname = 'a' AND port = 3306"),
    );
  });
});

const IN = (group: number, host: string): string => `hostgroup_id = ${group} AND hostname = '${host}' AND port = 3306`;
const drop = (group: number, host: string): string => `DELETE FROM mysql_servers WHERE ${IN(group, host)}`;
const set = (group: number, host: string, status: string): string =>
  `UPDATE mysql_servers SET status = '${status}' WHERE ${IN(group, host)}`;
const add = (group: number, host: string, weight: number): string =>
  `INSERT INTO mysql_servers (hostgroup_id, hostname, port, status, weight) VALUES (${group}, '${host}', 3306, 'ONLINE', ${weight})`;

describe('writing a source', () => {
  test.each<{what: string; rows: readonly ServerRow[]; but?: object; demoted?: 'follows' | 'is dead'; says: readonly string[]}>([
    {what: 'that is there', rows: [row(10, b), row(20, b)], says: []},
    {what: 'that was taken out', rows: [row(10, b, {status: 'OFFLINE_HARD'})], says: [set(10, "b''c", 'ONLINE')]},
    {what: 'beside another writer', rows: [row(10, a), row(10, b)], says: [drop(10, 'a')]},
    {
      what: 'with what it had as a reader',
      rows: [row(10, a, {settings: {weight: 7}}), row(20, b, {settings: {weight: 3}})],
      says: [drop(10, 'a'), add(10, "b''c", 3)],
    },
    {
      what: 'with what the one before it had',
      rows: [row(10, a, {settings: {weight: 7}})],
      says: [drop(10, 'a'), add(10, "b''c", 7)],
    },
    {
      what: 'which is no reader any more',
      rows: [row(10, b), row(20, b)],
      but: {writerReads: false},
      says: [drop(20, "b''c")],
    },
    {
      what: 'after a takeover',
      rows: [row(10, a, {status: 'OFFLINE_HARD', settings: {weight: 7}}), row(20, b)],
      demoted: 'follows',
      says: [drop(10, 'a'), add(10, "b''c", 1), add(20, 'a', 7)],
    },
    {
      what: 'after a failover',
      rows: [row(10, a), row(20, a), row(20, b)],
      demoted: 'is dead',
      says: [drop(10, 'a'), add(10, "b''c", 1), set(20, 'a', 'OFFLINE_HARD')],
    },
    {
      what: 'after a failover, with no readers',
      rows: [row(10, a)],
      but: {reader: null},
      demoted: 'is dead',
      says: [drop(10, 'a'), add(10, "b''c", 1)],
    },
  ])('$what', ({rows, but = {}, demoted, says}) => {
    const roles = {source: b, demoted: demoted ? {key: a, follows: demoted === 'follows'} : null};
    expect(publicationStatements(rows, {...groups, ...but}, roles)).toEqual(says);
  });
});

test.each<[Record<string, string>, number | null, number | null]>([
  [{'alias=shop': '10,20', '*': '1'}, 10, 20],
  [{'alias~=^sh': ' 10 , 20 '}, 10, 20],
  [{'alias=other': '10,20', '*': '1'}, 1, null],
  [{'alias=other': '10,20'}, null, null],
])('hostgroups by %j', (ProxySQLHostgroups, writer, reader) => {
  const found = hostgroupsOf({ProxySQLHostgroups, ProxySQLWriterIsAlsoReader: true, ProxySQLSaveToDisk: true}, cluster);
  expect(found).toEqual(writer === null ? null : {writer, reader, writerReads: true});
});
