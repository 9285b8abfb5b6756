import {expect, test} from 'vitest';
import {CLOSED_WITHIN, violationsIn, type ClusterEvidence, type Evidence} from '../../chaos/invariants.ts';
import type {Sample, ServerState} from '../../chaos/observer.ts';

const PROMOTED = {uid: '1', successful: true, openedNobody: false};
const FAILED = {uid: '2', successful: false, openedNobody: false};
const HARMLESS = {uid: '3', successful: false, openedNobody: true};

function look<What>(of: string, at: number, said: What | null): Sample<What> {
  return {of, from: at, until: at + 1, said};
}

const lease = (at: number, term: number, token: string) => look('db', at, {term, token});
const server = (of: string, at: number, writable: boolean) =>
  look<ServerState>(of, at, {writable, source: null, receiving: false, applying: false});

function cluster(more: Partial<ClusterEvidence>): Evidence['clusters'] {
  const quiet: ClusterEvidence = {
    name: 'c',
    expected: [],
    recoveries: [],
    refusals: [],
    lost: [],
    fences: new Map([['b', [1]]]),
    servers: ['a', 'b'],
    disturbed: new Set(),
  };
  return [{...quiet, ...more}];
}

function codes(more: Partial<Omit<Evidence, 'samples'> & Evidence['samples']>): readonly string[] {
  const {servers = [], nodes = [], leases = [], clusters = [], mostTerms = null} = more;
  return violationsIn({samples: {servers, nodes, leases}, clusters, mostTerms}).map(({code}) => code);
}

test.each<{what: string; given: Parameters<typeof codes>[0]; found: readonly string[]}>([
  {what: 'nothing happened', given: {clusters: cluster({})}, found: []},
  {what: 'one leads, then the other', given: {nodes: [look('n1', 1, true), look('n1', 5, false), look('n2', 9, true)]}, found: []},
  {
    what: 'one leads while the other does',
    given: {nodes: [look('n1', 1, true), look('n2', 5, true), look('n1', 9, true)]},
    found: ['two-leaders'],
  },
  {
    what: 'it did not answer in between',
    given: {nodes: [look('n1', 1, true), look<boolean>('n1', 3, null), look('n2', 5, true), look('n1', 9, true)]},
    found: [],
  },
  {
    what: 'both lead for a while, and neither was looked at within a pause of the other',
    given: {nodes: [look('n1', 1, true), look('n2', 1, true), look('n1', 9, true), look('n2', 9, true)]},
    found: ['two-leaders'],
  },
  {
    what: 'a replica that was opened, though nobody wrote down a recovery',
    given: {servers: [server('b', 1, false), server('b', 3, true)], clusters: cluster({})},
    found: ['undue-recovery'],
  },
  {
    what: 'two that were opened for one incident',
    given: {
      servers: [server('a', 1, false), server('a', 3, true), server('b', 1, false), server('a', 5, false), server('b', 7, true)],
      clusters: cluster({expected: [{ends: 'promote'}], recoveries: [PROMOTED], fences: new Map([['b', [1]]])}),
    },
    found: ['second-recovery'],
  },
  {
    what: 'a source that comes back open',
    given: {servers: [server('a', 1, false), look<ServerState>('a', 3, null), server('a', 5, true)], clusters: cluster({})},
    found: [],
  },
  {
    what: 'a recovery that sent nothing with a fence',
    given: {clusters: cluster({expected: [{ends: 'promote'}], recoveries: [PROMOTED], fences: new Map([['b', []]])})},
    found: ['broken-scenario'],
  },
  {what: 'a term of two holders', given: {leases: [lease(1, 7, 'x'), lease(2, 7, 'y')]}, found: ['term-reused']},
  {what: 'a term that was released', given: {leases: [lease(1, 7, 'x'), lease(2, 7, '')]}, found: []},
  {what: 'leadership that moved without need', given: {mostTerms: 1, leases: [lease(1, 7, 'x'), lease(2, 8, 'y')]}, found: ['leader-flap']},
  {what: 'an election that was due', given: {mostTerms: 2, leases: [lease(1, 7, 'x'), lease(2, 8, 'y')]}, found: []},
  {what: 'a recovery that was due', given: {clusters: cluster({expected: [{ends: 'promote'}], recoveries: [PROMOTED]})}, found: []},
  {what: 'a recovery that was not', given: {clusters: cluster({recoveries: [PROMOTED]})}, found: ['undue-recovery']},
  {
    what: 'none that was due',
    given: {clusters: cluster({expected: [{ends: 'promote'}], recoveries: [FAILED]})},
    found: ['missing-recovery'],
  },
  {
    what: 'two of one incident',
    given: {clusters: cluster({expected: [{ends: 'promote'}], recoveries: [FAILED, PROMOTED]})},
    found: ['second-recovery'],
  },
  {
    what: 'attempts that opened nobody before the one that was due',
    given: {clusters: cluster({expected: [{ends: 'promote'}], recoveries: [HARMLESS, HARMLESS, PROMOTED]})},
    found: [],
  },
  {what: 'an attempt where none was due', given: {clusters: cluster({recoveries: [HARMLESS]})}, found: ['undue-recovery']},
  {
    what: 'two attempts where one was to be given up',
    given: {clusters: cluster({expected: [{ends: 'abandon'}], recoveries: [HARMLESS, HARMLESS]})},
    found: ['undue-recovery'],
  },
  {what: 'a refusal as declared', given: {clusters: cluster({expected: [{ends: 'refuse', code: 'x'}], refusals: ['x']})}, found: []},
  {
    what: 'a refusal for another reason',
    given: {clusters: cluster({expected: [{ends: 'refuse', code: 'x'}], refusals: ['y']})},
    found: ['wrong-refusal'],
  },
  {what: 'fences that only grow', given: {clusters: cluster({fences: new Map([['a', [1, 1, 2, 5]]])})}, found: []},
  {what: 'an older fence after a newer', given: {clusters: cluster({fences: new Map([['a', [1, 2, 1]]])})}, found: ['stale-fence']},
  {what: 'a lost write', given: {clusters: cluster({lost: [4]})}, found: ['lost-write']},
  {
    what: 'two writable',
    given: {clusters: cluster({}), servers: [server('a', 1, true), server('b', 2, true), server('a', 20, true), server('b', 21, true)]},
    found: ['two-writable'],
  },
  {
    what: 'one writable after the other',
    given: {clusters: cluster({}), servers: [server('a', 1, true), server('a', 9, true), server('b', 12, true), server('b', 21, true)]},
    found: [],
  },
  {
    what: 'one that came back and was closed in time',
    given: {
      clusters: cluster({disturbed: new Set(['a'])}),
      servers: [server('a', 1, true), server('b', 1, true), server('a', CLOSED_WITHIN - 9, true), server('b', CLOSED_WITHIN - 9, true)],
    },
    found: [],
  },
])('$what: $found', ({given, found}) => {
  expect(codes(given)).toEqual(found);
});
