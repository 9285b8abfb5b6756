import {expect, test} from 'vitest';
import {changedBy, contradictionsIn, verdictOf, type Evidence} from '../servers/support/contention/judge.ts';

const nothing: Evidence = {
  told: [],
  tags: new Map(),
  changed: new Set(),
  fences: new Map(),
  writable: [],
  missing: new Map(),
  terms: [],
  leftOvers: [],
};
const ran = {worker: 1, words: ['tag'], stderr: 'why', from: 0, until: 1};
const told = {ran: [], held: [], tags: new Map()};
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
