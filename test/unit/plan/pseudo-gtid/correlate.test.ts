import {describe, expect, test} from 'vitest';
import type {LogEvent} from '../../../../src/lib/flavor/commands/words.ts';
import {comparableOf} from '../../../../src/lib/plan/pseudo-gtid/comparable.ts';
import {correlate, findMark, lastMark, type Correlation} from '../../../../src/lib/plan/pseudo-gtid/correlate.ts';
import type {Log} from '../../../../src/lib/plan/pseudo-gtid/log.ts';
import {marksOf, type Marks, type MarkPolicy} from '../../../../src/lib/plan/pseudo-gtid/marks.ts';
import {logOf, markText, type Server} from './logs.ts';

const POLICY: MarkPolicy = {
  PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
  PseudoGTIDPatternIsFixedSubstring: true,
  PseudoGTIDMonotonicHint: 'asc:',
  SkipBinlogEventsContaining: [],
};
const marks = marksOf(POLICY) as Marks;
const one: Server = {name: 'one', number: 1};
const two: Server = {name: 'two', number: 2};
const maria = (server: Server): Server => ({...server, mariadb: true});

const compared = (own: Log, other: Log, leaveOut: readonly string[] = []): Promise<Correlation> =>
  correlate(own, other, {marks, leaveOut, since: {own: null, other: null}});

/** The words of the other log that are not passed yet at a place; null when the place is within one of them. */
async function behind(words: string, server: Server, at: {readonly file: string; readonly position: number}): Promise<string | null> {
  const parts = words.split('|').map((part) => part.trim().split(/\s+/).filter(Boolean));
  const rest: string[] = [];
  for (const [index, part] of parts.entries()) {
    const file = `binlog.${String(index + 1).padStart(6, '0')}`;
    if (file < at.file) continue;
    for (const [which, word] of part.entries()) {
      const before = await lengthOf(
        [...parts.slice(0, index).map((one) => one.join(' ')), part.slice(0, which).join(' ')].join('|'),
        server,
        file,
      );
      if (file > at.file || before >= at.position) rest.push(word);
      else if (
        (await lengthOf(
          [...parts.slice(0, index).map((one) => one.join(' ')), part.slice(0, which + 1).join(' ')].join('|'),
          server,
          file,
        )) > at.position
      )
        return null;
    }
  }
  return rest.join(' ');
}

async function lengthOf(words: string, server: Server, file: string): Promise<number> {
  let end = 4;
  for await (const event of logOf(words, server).events({file, position: 4})) end = event.nextPosition;
  return end;
}

describe('a replica goes on behind the last event that both have', () => {
  test.each<{own: string; other: string; goesOn: string; mariadb?: true}>([
    {own: 'm1', other: 'm1', goesOn: ''},
    {own: 'm1', other: 'm1 r r', goesOn: 'r r'},
    {own: 'r m1 r', other: 'r m1 r r', goesOn: 'r'},
    {own: 'm1 r m2 s1', other: 'm1 r m2 s1 s2 m3', goesOn: 's2 m3'},
    {own: 'm1 d1 s1 r', other: 'm1 d1 s1 r d2', goesOn: 'd2'},
    {own: 'm1 r | s1 | r', other: 'm1 r s1 r s9', goesOn: 's9'},
    {own: 'm1 r s1 r', other: 'm1 | r s1 | r | s9 | m2', goesOn: 's9 m2'},
    {own: 'm1 | r', other: 'm1 r m2', goesOn: 'm2'},
    {own: 'm1 s1', other: 's0 m0 | m1 s1 s2 | m2 s3', goesOn: 's2 m2 s3'},
    {own: 's9 m1 s1', other: 'm1 s1 s2', goesOn: 's2'},
    {own: 'm1 r3 s4', other: 'm1 r3 s4 r5', goesOn: 'r5', mariadb: true},
  ])('$own in $other: then $goesOn', async ({own, other, goesOn, mariadb}) => {
    const [mine, theirs] = mariadb ? [maria(one), maria(two)] : [one, two];
    const found = await compared(logOf(own, mine), logOf(other, theirs));
    expect(found).toMatchObject({found: true});
    expect(found.found && (await behind(other, theirs, found.at))).toBe(goesOn);
  });

  test('also where one of them was given to another server long ago', async () => {
    const [own, other] = ['m1 r s1', 'm1 r s1 r'];
    const there = await compared(logOf(own, two), logOf(other, one));
    expect(there.found && (await behind(other, one, there.at))).toBe('r');
  });
});

describe('it goes nowhere', () => {
  test.each<{own: string; other: string; why: string; because: RegExp; mariadb?: true}>([
    {own: 'r s1', other: 'm1 r s1', why: 'no-mark', because: /logs of one have no Pseudo-GTID entry/},
    {own: '', other: 'm1', why: 'no-mark', because: /no Pseudo-GTID entry/},
    {
      own: 'm1 m2',
      other: 'm1',
      why: 'unknown-mark',
      because: /logs of two do not have the last Pseudo-GTID entry of logs of one, drop view/,
    },
    {own: 'm1', other: 'm2', why: 'unknown-mark', because: /do not have/},
    {own: 'm1 s1 s2', other: 'm1 s1', why: 'ends-first', because: /logs of two end before "BEGIN"/},
    {own: 'm1 s1', other: 'm1 | ', why: 'ends-first', because: /end before/},
    {own: 'm1 s1', other: 'm1 s2', why: 'differs', because: /insert into t values \(1\)" .* is .*insert into t values \(2\)"/},
    {own: 'm1 s1 s2', other: 'm1 s2 s1', why: 'differs', because: / is /},
    {own: 'm1 s1', other: 'm1 s9 s1', why: 'differs', because: / is /},
    {own: 'm1 r', other: 'm1 s1', why: 'differs', because: /table_id: \(test.t\)/},
    {own: 'm1 d1', other: 'm1 d2', why: 'differs', because: /create table t1/},
    {own: 'm1 r3', other: 'm1 r4', why: 'differs', because: /GTID 0-1-3/, mariadb: true},
    {own: 'm1 s1 half', other: 'm1 s1 r', why: 'half', because: /logs of one end within a transaction/},
  ])('$own in $other: $why', async ({own, other, why, because, mariadb}) => {
    const [mine, theirs] = mariadb ? [maria(one), maria(two)] : [one, two];
    expect(await compared(logOf(own, mine), logOf(other, theirs))).toMatchObject({
      found: false,
      why,
      because: expect.stringMatching(because) as unknown,
    });
  });

  test('rows written, changed and deleted look different', async () => {
    const other = logOf('m1 r', two);
    const deleting: Log = {
      ...other,
      async *events(from) {
        for await (const event of other.events(from)) yield {...event, type: event.type.replace('Write', 'Delete')};
      },
    };
    expect(await compared(logOf('m1 r', one), deleting)).toMatchObject({found: false, why: 'differs'});
  });
});

test('what comes behind the end of a log does not count', async () => {
  const whole = 'm1 s1 m2 s2';
  const end = {file: 'binlog.000001', position: await lengthOf('m1 s1', one, 'binlog.000001')};
  const found = await compared(logOf(whole, one, end), logOf(whole, two));
  expect(found.found && (await behind(whole, two, found.at))).toBe('m2 s2');
});

test('events that contain a text of SkipBinlogEventsContaining need not be in both', async () => {
  const [own, other] = [logOf('m1 d1 s1', one), logOf('m1 s1 d2', two)];
  expect(await compared(own, other)).toMatchObject({found: false, why: 'differs'});
  const found = await compared(own, other, ['create table']);
  expect(found.found && (await behind('m1 s1 d2', two, found.at))).toBe('d2');
});

describe('where a mark stands', () => {
  test.each([
    {words: 'm1 s1 | s2 m2 s3 | s4', last: 2, reads: ['binlog.000003', 'binlog.000002']},
    {words: 'm1 m3 m2', last: 2, reads: ['binlog.000001']},
    {words: 's1 | s2', last: null, reads: ['binlog.000002', 'binlog.000001']},
  ])('the last one of $words is $last', async ({words, last, reads}) => {
    const log = logOf(words, one);
    expect((await lastMark(log, marks, null))?.text ?? null).toBe(last === null ? null : markText(last));
    expect(log.reads).toEqual(reads);
  });

  test.each([
    {from: {file: 'binlog.000003', position: 4}, reads: ['binlog.000003']},
    // Nothing behind it: then everything is looked through after all.
    {from: {file: 'binlog.000003', position: 34}, reads: ['binlog.000003', 'binlog.000003']},
    {from: {file: 'binlog.000009', position: 4}, reads: ['binlog.000003']},
  ])('looked for from $from on', async ({from, reads}) => {
    const log = logOf('m1 | m2 | m3', one);
    expect((await lastMark(log, marks, from))?.text).toBe(markText(3));
    expect(log.reads).toEqual(reads);
  });

  test.each([
    {sought: 2, found: 'binlog.000002', reads: ['binlog.000003', 'binlog.000002']},
    {sought: 3, found: 'binlog.000002', reads: ['binlog.000003', 'binlog.000002']},
    // Ascending marks tell that it cannot be further back.
    {sought: 9, found: null, reads: ['binlog.000003']},
  ])('mark $sought is in $found', async ({sought, found, reads}) => {
    const log = logOf('m1 s1 | m2 m3 | m4 m5', one);
    expect((await findMark(log, markText(sought), {marks, since: null}))?.file ?? null).toBe(found);
    expect(log.reads).toEqual(reads);
  });

  test.each([
    {sought: 3, from: {file: 'binlog.000002', position: 4}, found: 'binlog.000002', reads: ['binlog.000002']},
    {sought: 4, from: {file: 'binlog.000002', position: 44}, found: 'binlog.000003', reads: ['binlog.000002', 'binlog.000003']},
    {
      sought: 1,
      from: {file: 'binlog.000003', position: 4},
      found: 'binlog.000001',
      reads: ['binlog.000003', 'binlog.000003', 'binlog.000002', 'binlog.000001'],
    },
  ])('mark $sought, looked for from $from on, is in $found', async ({sought, from, found, reads}) => {
    const log = logOf('m1 s1 | m2 m3 | m4 m5', one);
    expect((await findMark(log, markText(sought), {marks, since: from}))?.file).toBe(found);
    expect(log.reads).toEqual(reads);
  });

  test('of marks that do not ascend every file is searched', async () => {
    const unordered = marksOf({...POLICY, PseudoGTIDMonotonicHint: ''}) as Marks;
    const log = logOf('m7 | m2 | m4', one);
    expect((await findMark(log, markText(7), {marks: unordered, since: null}))?.file).toBe('binlog.000001');
  });
});

describe('what a mark is', () => {
  const event = (info: string, type = 'Query'): LogEvent => ({at: {file: 'b.1', position: 4}, nextPosition: 14, type, info});
  test.each<{policy: Partial<MarkPolicy>; info: string; type?: string; mark: string | null}>([
    {policy: {}, info: markText(1), mark: markText(1)},
    {policy: {}, info: `${markText(1)} /* xid=7 */`, mark: markText(1)},
    {policy: {}, info: markText(1), type: 'Annotate_rows', mark: null},
    {policy: {}, info: 'BEGIN', mark: null},
    {policy: {PseudoGTIDPattern: 'mark:[0-9]+$', PseudoGTIDPatternIsFixedSubstring: false}, info: 'insert mark:12', mark: 'insert mark:12'},
    {policy: {PseudoGTIDPattern: 'mark:[0-9]+$', PseudoGTIDPatternIsFixedSubstring: false}, info: 'mark:12 and more', mark: null},
  ])('$info by $policy', ({policy, info, type, mark}) => {
    expect(marksOf({...POLICY, ...policy})?.read(event(info, type))).toBe(mark);
  });

  test('without a pattern, or with one that is none, there are no marks', () => {
    expect([
      marksOf({...POLICY, PseudoGTIDPattern: ''}),
      marksOf({...POLICY, PseudoGTIDPattern: '(', PseudoGTIDPatternIsFixedSubstring: false}),
    ]).toEqual([null, null]);
  });
});

describe('what is compared of an event', () => {
  const text = (type: string, info: string): string | null =>
    comparableOf({at: {file: 'b.1', position: 4}, nextPosition: 14, type, info}, ['heartbeat']);
  test.each([
    {type: 'Query', info: 'use `a`; insert /* who */ into t values (1)', gives: 'use `a`; insert  into t values (1)'},
    {type: 'Xid', info: 'COMMIT /* xid=12 */', gives: 'COMMIT'},
    {type: 'User_var', info: '@`a`=_utf8mb4 0x61 COLLATE utf8mb4_general_ci', gives: '@`a`=_utf8mb4 0x61'},
    {type: 'Table_map', info: 'table_id: 22 (test.t)', gives: 'table_id: (test.t)'},
    {type: 'Gtid', info: 'BEGIN GTID 0-1-3 cid=12', gives: 'BEGIN GTID 0-1-3'},
    {type: 'Update_rows_compressed_v1', info: 'table_id: 5', gives: 'update rows'},
    {type: 'Delete_rows', info: 'table_id: 5 flags: STMT_END_F', gives: 'delete rows, the last'},
    {type: 'Begin_load_query', info: ';file_id=3;block_len=12', gives: ';block_len=12'},
    {type: 'Incident', info: '#1 (LOST_EVENTS)', gives: '#1 (LOST_EVENTS)'},
    ...['Rotate', 'Stop', 'Format_desc', 'Previous_gtids', 'Anonymous_Gtid', 'Rows_query', 'Gtid_list'].map((type) => ({
      type,
      info: 'x',
      gives: null,
    })),
    {type: 'Query', info: 'update heartbeat set at = 1', gives: null},
  ])('$type $info', ({type, info, gives}) => {
    expect(text(type, info)).toBe(gives);
  });
});
