import {expect, test} from 'vitest';
import {changedBy, contradictionsIn, verdictOf, type Evidence} from '../servers/support/contention/judge.ts';

const nothing: Evidence = {
  told: [],
  tags: new Map(),
  last: [],
  recoveries: new Map(),
  changed: new Set(),
  fences: new Map(),
  writable: [],
  missing: new Map(),
  terms: [],
  leftOvers: [],
};
const ran = {worker: 1, words: ['tag'], stdout: '', stderr: 'why', from: 0, until: 1};
const told = {ran: [], held: [], tags: new Map(), writes: [], reads: [], acknowledging: []};
const write = (value: string, from: number, until: number, certain = true) => ({register: 'r', value, from, until, certain});
const read = (value: string, from: number) => ({register: 'r', value, from, until: from + 1});
const wrongly = (value: string) => `r was read as "${value}", and others wrote it since or nobody did`;
const acknowledging = (count: number | null) => ({comment: 'mine', count, uid: 'one'});
const look = (server: string, from: number, said: boolean) => ({server, from, until: from + 1, said});

test.each<{what: string; evidence: Partial<Evidence>; found: readonly string[]}>([
  {
    what: 'commands that were done, refused, not possible now, and left to another',
    evidence: {told: [{...told, ran: [0, 4, 5, 7].map((status) => ({...ran, status}))}]},
    found: [],
  },
  {
    what: 'a command that had no time to renew its lock, and stopped',
    evidence: {told: [{...told, ran: [{...ran, status: 1, stderr: 'the lock may end before a answers: nothing more is sent to it'}]}]},
    found: [],
  },
  {
    what: 'a command that we ended, since it took too long',
    evidence: {told: [{...told, ran: [{...ran, status: null}]}]},
    found: [],
  },
  {
    what: 'a command that failed',
    evidence: {told: [{...told, ran: [{...ran, status: 1}]}]},
    found: ['worker 1: tag ended with 1: why'],
  },
  {
    what: 'two who had the same at the same time',
    evidence: {
      told: [
        {...told, held: [{worker: 0, server: 'a', from: 0, until: 5}]},
        {
          ...told,
          held: [
            {worker: 1, server: 'a', from: 4, until: 6},
            {worker: 1, server: 'b', from: 0, until: 9},
          ],
        },
      ],
    },
    found: ['workers 0 and 1 both had a'],
  },
  {
    what: 'one after the other',
    evidence: {told: [0, 1].map((worker) => ({...told, held: [{worker, server: 'a', from: worker, until: worker + 1}]}))},
    found: [],
  },
  {
    what: 'a tag that is not the last acknowledged',
    evidence: {told: [{...told, tags: new Map([['a', ['2']]])}], tags: new Map([['a', new Map([['worker0', '1']])]])},
    found: ['the tag of worker 0 on a is "1" and was acknowledged as 2'],
  },
  {
    what: 'a tag whose last answer told nothing',
    evidence: {told: [{...told, tags: new Map([['a', ['1', '2']]])}], tags: new Map([['a', new Map([['worker0', '1']])]])},
    found: [],
  },
  {
    what: 'what was written last, and before it what was written first',
    evidence: {
      told: [
        {...told, writes: [write('x', 0, 2)], reads: [read('x', 3)]},
        {...told, writes: [write('', 5, 6)]},
      ],
      last: [read('', 9)],
    },
    found: [],
  },
  {
    what: 'what was overwritten for certain, by a command or by none',
    evidence: {
      told: [
        {...told, writes: [write('x', 0, 2)]},
        {...told, writes: [write('y', 3, 5)]},
      ],
      last: [read('x', 9), read('', 9)],
    },
    found: [wrongly('x'), wrongly('')],
  },
  {
    what: 'an old answer in the middle',
    evidence: {told: [{...told, writes: [write('x', 0, 2), write('', 3, 4)], reads: [read('x', 5)]}], last: [read('', 9)]},
    found: [wrongly('x')],
  },
  {
    what: 'what was not yet written, and what nobody wrote',
    evidence: {told: [{...told, writes: [write('x', 5, 6)], reads: [read('x', 1)]}], last: [read('z', 9)]},
    found: [wrongly('x'), wrongly('z')],
  },
  {
    what: 'what another register was written',
    evidence: {told: [{...told, writes: [{...write('x', 0, 1), register: 'other'}]}], last: [read('x', 9)]},
    found: [wrongly('x')],
  },
  ...['x', 'y'].map((value) => ({
    what: `either of two that overlapped: ${value}`,
    evidence: {
      told: [
        {...told, writes: [write('x', 0, 4)]},
        {...told, writes: [write('y', 3, 5)]},
      ],
      last: [read(value, 9)],
    },
    found: [],
  })),
  ...['x', 'y'].map((value) => ({
    what: `what may have been written without an answer, and what may not: ${value}`,
    evidence: {
      told: [
        {...told, writes: [write('x', 0, Infinity, false)]},
        {...told, writes: [write('y', 3, 5)]},
      ],
      last: [read(value, 9)],
    },
    found: [],
  })),
  {
    what: 'a recovery that the command acknowledged which said so',
    evidence: {
      told: [{...told, acknowledging: [acknowledging(1)]}],
      recoveries: new Map([
        ['one', 'mine'],
        ['two', null],
      ]),
    },
    found: [],
  },
  {
    what: 'a recovery that another acknowledged meanwhile',
    evidence: {told: [{...told, acknowledging: [acknowledging(0)]}], recoveries: new Map([['one', 'yours']])},
    found: [],
  },
  {
    what: 'a recovery that was counted, and is acknowledged by another',
    evidence: {told: [{...told, acknowledging: [acknowledging(1)]}], recoveries: new Map([['one', 'yours']])},
    found: ['mine was told that it acknowledged 1 recoveries, and has acknowledged 0'],
  },
  {
    what: 'a recovery that was acknowledged and not counted',
    evidence: {told: [{...told, acknowledging: [acknowledging(0)]}], recoveries: new Map([['one', 'mine']])},
    found: ['mine was told that it acknowledged 0 recoveries, and has acknowledged 1'],
  },
  {
    what: 'a recovery that nobody acknowledged, though it was said',
    evidence: {told: [{...told, acknowledging: [acknowledging(0)]}], recoveries: new Map([['one', null]])},
    found: ['recovery one is not acknowledged, and mine was told that it is'],
  },
  {
    what: 'an acknowledgement without an answer',
    evidence: {told: [{...told, acknowledging: [acknowledging(null)]}], recoveries: new Map([['one', null]])},
    found: [],
  },
  {
    what: 'an older fence after a newer one',
    evidence: {fences: new Map([['a', [1, 1, 3, 2]]])},
    found: ['a was sent a statement of fence 2 after one of fence 3'],
  },
  {
    what: 'one that was changed without a fence',
    evidence: {
      changed: new Set(['a', 'b']),
      fences: new Map([
        ['a', []],
        ['b', [1]],
      ]),
    },
    found: ['a was changed, and no statement that it was sent names a fence'],
  },
  {
    what: 'two that took writes, each before and after the other',
    evidence: {writable: [look('a', 0, true), look('b', 2, true), look('a', 4, true), look('b', 6, true)]},
    found: ['a and b took writes at the same time'],
  },
  {
    what: 'two that took writes one after the other',
    evidence: {writable: [look('a', 0, true), look('a', 2, true), look('a', 4, false), look('b', 5, true), look('b', 7, true)]},
    found: [],
  },
  {what: 'rows that are missing', evidence: {missing: new Map([['a', [7, 8]]])}, found: ['a lacks 2 acknowledged rows']},
  {what: 'a term with two leaders', evidence: {terms: [1, 2, 1]}, found: ['term 1 had two leaders']},
  {what: 'what is left over', evidence: {leftOvers: ['a lock']}, found: ['left over: a lock']},
])('the judge of a contest, told of $what', ({evidence, found}) => {
  expect(contradictionsIn({...nothing, ...evidence})).toEqual(found);
});

test.each<{what: string; moved: number; contradictions: readonly string[]; text: RegExp; good: boolean}>([
  {
    what: 'nothing of note',
    moved: 5,
    contradictions: [],
    text: /^GOOD: .*\(7 commands, 5 of which changed servers; 1 had no time/,
    good: true,
  },
  {what: 'a contradiction', moved: 5, contradictions: ['one'], text: /^BAD: 1 contradictions/, good: false},
  {what: 'nothing at all', moved: 4, contradictions: [], text: /^TELLS NOTHING: /, good: false},
])('the verdict of a contest with $what', ({moved, contradictions, text, good}) => {
  const relocated = Array.from({length: moved}, () => ({...ran, words: ['relocate'], status: 0}));
  const others = [
    {...ran, status: 0},
    {...ran, status: null},
  ];
  const verdict = verdictOf([{...told, ran: [...relocated, ...others]}], contradictions);
  expect(verdict).toEqual({text: expect.stringMatching(text) as string, good});
});

test('who is not where it began was changed, whoever did it', () => {
  const done = (line: string, status = 0) => ({...ran, words: line.split(' '), status});
  const all = [
    done('relocate -i b -d c'),
    done('relocate -i d -d a'),
    done('relocate -i e -d b', 4),
    done('relocate -i a -d c'),
    done('graceful-master-takeover-auto -i b -d f'),
    done('graceful-master-takeover-auto -i b -d a'),
  ];
  expect(changedBy([{...told, ran: all}], 'a')).toEqual(new Set(['b', 'f']));
});
