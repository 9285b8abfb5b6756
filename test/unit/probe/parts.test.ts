import {describe, expect, test} from 'vitest';
import {defaultDraft} from '../../../src/lib/config/draft.ts';
import {Remarks, firstCell} from '../../../src/lib/probe/answers.ts';
import {placeByName} from '../../../src/lib/probe/classification.ts';
import {activeMembers, membershipOf} from '../../../src/lib/probe/group.ts';
import {replicasFrom, reportedReplicas} from '../../../src/lib/probe/replicas.ts';

describe('replicas', () => {
  const own = {host: 'db1', port: 3306};
  const at = (host: string, port = 3306) => ({host, port});

  test.each([
    {rows: [], keys: []},
    {
      rows: [
        {Host: 'db2', Port: 3306},
        {Host: 'db3', Port: 3307},
      ],
      keys: [at('db2'), at('db3', 3307)],
    },
    {
      rows: [
        {Host: '', Port: 3306},
        {Host: 'db3', Port: 3307},
      ],
      keys: [at('db3', 3307)],
    },
    {rows: [{Host: 'db2', Port: 0}], keys: []},
    {
      rows: [
        {Host: 'db2', Port: 3306},
        {Host: 'db2', Port: 3306},
      ],
      keys: [at('db2')],
    },
  ])('reported: $rows', ({rows, keys}) => {
    expect(reportedReplicas(rows)).toEqual(keys);
  });

  test.each([
    {what: 'all report', reported: [at('db2'), at('db3')], dumps: [], found: [at('db2'), at('db3')], remarked: false},
    {what: 'nobody reports', reported: [], dumps: ['10.0.0.2:51000', 'db3:51001'], found: [at('10.0.0.2'), at('db3')], remarked: false},
    {what: 'IPv6', reported: [], dumps: ['::1:51000', '[fe80::2]:51001'], found: [at('::1'), at('fe80::2')], remarked: false},
    {
      what: 'one of two reports',
      reported: [at('10.0.0.2', 3307)],
      dumps: ['10.0.0.2:51000', '10.0.0.3:51001'],
      found: [at('10.0.0.2', 3307), at('10.0.0.3')],
      remarked: false,
    },
    {what: 'two behind one address', reported: [], dumps: ['10.0.0.2:51000', '10.0.0.2:51001'], found: [at('10.0.0.2')], remarked: true},
    {what: 'one on its own address', reported: [], dumps: ['db1:51000'], found: [], remarked: true},
    {
      what: 'a reader beside those that report',
      reported: [at('10.0.0.2')],
      dumps: ['10.0.0.2:1', '10.0.0.2:2'],
      found: [at('10.0.0.2')],
      remarked: true,
    },
  ])('$what', ({reported, dumps, found, remarked}) => {
    const remarks = new Remarks();
    expect(replicasFrom({reported, dumps: dumps.map((host) => ({host})), own}, remarks)).toEqual(found);
    expect(remarks.list).toHaveLength(remarked ? 1 : 0);
  });
});

describe('a replication group', () => {
  const member = (id: string, role: string, state = 'ONLINE') => ({
    member_id: id,
    member_host: `db-${id}`,
    member_port: 3306,
    member_role: role,
    member_state: state,
  });
  const of = (rows: readonly object[], {self, single = 1}: {self: string; single?: number}) =>
    membershipOf(activeMembers(rows as Record<string, unknown>[]), {
      group: {name: 'g', single_primary: single},
      self,
      resolve: async ({host, port}) => ({host: `${host}.example.com`, port}),
    });

  test('as a secondary sees it, names resolved', async () => {
    expect(await of([member('a', 'PRIMARY'), member('b', 'SECONDARY'), member('c', 'SECONDARY', 'RECOVERING')], {self: 'b'})).toEqual({
      name: 'g',
      singlePrimary: true,
      state: 'ONLINE',
      role: 'SECONDARY',
      members: [
        {host: 'db-a.example.com', port: 3306},
        {host: 'db-c.example.com', port: 3306},
      ],
      primary: {host: 'db-a.example.com', port: 3306},
    });
  });

  test('whose primary is not in sight', async () => {
    expect(await of([member('b', 'SECONDARY')], {self: 'b'})).toMatchObject({primary: null, members: []});
  });

  test('of several primaries names none of them', async () => {
    expect(await of([member('a', 'PRIMARY'), member('b', 'PRIMARY')], {self: 'a', single: 0})).toMatchObject({
      singlePrimary: false,
      primary: null,
      role: 'PRIMARY',
    });
  });

  test.each([{rows: [member('a', '', 'OFFLINE')]}, {rows: [member('', '', 'OFFLINE')]}, {rows: []}])(
    'that nobody is in: $rows',
    ({rows}) => {
      expect(activeMembers(rows)).toEqual([]);
    },
  );
});

test.each([
  {pattern: '^([a-z]+)-', host: 'fra-db1', place: 'fra'},
  {pattern: '[.]([^.]+)[.]example[.]com$', host: 'db1.lon.example.com', place: 'lon'},
  {pattern: '^nothing-(.*)', host: 'db1', place: ''},
  {pattern: '', host: 'db1', place: ''},
  {pattern: '(', host: 'db1', place: ''},
])('$pattern in $host: "$place"', ({pattern, host, place}) => {
  expect(placeByName({...defaultDraft().values, DataCenterPattern: pattern})(host)).toEqual({
    dataCenter: place,
    region: '',
    environment: '',
  });
});

test('a pattern that a running service takes up holds from then on', () => {
  const config = {...defaultDraft().values, DataCenterPattern: '^(a)'};
  const placeOf = placeByName(config);
  expect(placeOf('ab').dataCenter).toBe('a');
  config.DataCenterPattern = '(b)$';
  expect(placeOf('ab').dataCenter).toBe('b');
});

test.each([
  {rows: [], cell: null},
  {rows: [{a: null}], cell: null},
  {rows: [{a: 7, b: 8}], cell: '7'},
])('the first cell of $rows is $cell', ({rows, cell}) => {
  expect(firstCell(rows)).toBe(cell);
});
