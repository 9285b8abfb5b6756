import {expect, test} from 'vitest';
import {
  durationOf,
  judgeClocks,
  judgeEngines,
  judgeSettings,
  providerOptions,
  refuseGrave,
} from '../../src/lib/coordination/backend-checks.ts';
import {keepRenewing} from '../../src/lib/coordination/keep-renewing.ts';
import {contentionError, judgeBlockers, watchBlockers} from '../../src/lib/coordination/lock/contention.ts';
import {mayStillSend} from '../../src/lib/coordination/lock/hold.ts';
import type {Blocker, LockRow} from '../../src/lib/coordination/lock/rows.ts';
import {makeNodeId} from '../../src/lib/coordination/nodes.ts';
import {addReading, mayTake, type LeaseRow, type Observation, type Reading} from '../../src/lib/coordination/observation.ts';
import {defaultTiming, relyUntil, type Timing} from '../../src/lib/coordination/timing.ts';
import type {Contention, LockHold} from '../../src/lib/coordination/types.ts';

const a = (renewals: number, lastSeen = 100): LeaseRow => ({hostname: 'a', token: 'ta', lastSeen, renewals});
const b = (renewals: number, lastSeen = 100): LeaseRow => ({hostname: 'b', token: 'tb', lastSeen, renewals});
const free: LeaseRow = {hostname: '', token: '', lastSeen: 31_536_001, renewals: 9};

/** Readings at given times, in order; a term of 1 unless given. */
function seen(...readings: readonly (readonly [at: number, row: LeaseRow | null, more?: Partial<Reading>])[]): Observation {
  let known: Observation | undefined;
  for (const [at, row, more] of readings) known = addReading(known, {row, term: 1, server: '', elsewhere: false, ...more}, at);
  return known!;
}

test.each([
  {what: 'a released row, seen once', known: seen([0, free]), at: 0, may: true},
  {what: 'a holder that counts, after less than a lease', known: seen([0, a(1)], [1000, a(2)]), at: 5999, may: false},
  {what: 'a holder that counts, after a lease', known: seen([0, a(1)], [1000, a(2)]), at: 6000, may: true},
  {what: 'a holder never seen to count, after a lease', known: seen([0, a(1)]), at: 5000, may: false},
  {what: 'a holder never seen to count, after a longer one', known: seen([0, a(1)]), at: 6000, may: true},
  {what: 'a 3.2.6 holder, whose time alone moves', known: seen([0, a(1, 100)], [1000, a(1, 101)]), at: 6500, may: false},
  {what: 'the same, a second later', known: seen([0, a(1, 100)], [1000, a(1, 101)]), at: 7000, may: true},
  {what: 'two renewals within one second of the backend', known: seen([0, a(1)], [400, a(2)], [4900, a(3)]), at: 6000, may: false},
  {
    what: 'another holder: what was known of the former one is void',
    known: seen([0, a(1)], [1000, a(2)], [3000, b(3)]),
    at: 8500,
    may: false,
  },
  {what: 'a vacated row', known: seen([0, {...free, token: 'vacated'}]), at: 5999, may: false},
  {what: 'a row that is absent', known: seen([0, a(1)], [1000, null]), at: 6999, may: false},
  {what: 'a row that has been absent for long', known: seen([0, a(1)], [1000, null]), at: 7000, may: true},
  {what: 'released, after the term fell', known: seen([0, a(5), {term: 7}], [1000, free, {term: 6}]), at: 5999, may: false},
  {
    what: 'released, a lease after the term fell',
    known: seen([0, a(5), {term: 7}], [1000, free, {term: 6}], [3000, free, {term: 6}]),
    at: 6000,
    may: true,
  },
  {what: 'standing still, but its counter fell', known: seen([0, a(5)], [500, a(6)], [9000, a(5)], [9300, a(5)]), at: 9400, may: false},
  {
    what: 'released, on another server than before',
    known: seen([0, a(5), {server: 's 1'}], [1000, free, {server: 's 2'}]),
    at: 1000,
    may: false,
  },
  {
    what: 'released, at first sight, where the last leader was elected elsewhere',
    known: seen([0, free, {elsewhere: true}]),
    at: 4999,
    may: false,
  },
  {
    what: 'the same, a lease later',
    known: seen([0, free, {elsewhere: true}], [4000, free, {elsewhere: true}]),
    at: 5000,
    may: true,
  },
])('may take $what: $may', ({known, at, may}) => {
  expect(mayTake(known, defaultTiming, at)).toBe(may);
});

test('the highest term is remembered when the backend went back', () => {
  expect(seen([0, a(1), {term: 7}], [1, a(2), {term: 5}]).highestTerm).toBe(7);
});

test('a lease is relied on for less than others wait', () => {
  expect(relyUntil(0, defaultTiming)).toBeLessThan(defaultTiming.lease);
});

const hold: LockHold = {hostname: 'a', token: 't', lockId: 'l', fence: 1, purpose: '', validUntil: 10_000};

test.each([
  {timeout: 2500, now: 7000, may: true},
  {timeout: 2500, now: 7500, may: false},
  {timeout: 0, now: 9999, may: true},
  {timeout: 0, now: 10_000, may: false},
])('a statement of $timeout ms may still be sent at $now: $may', ({timeout, now, may}) => {
  expect(mayStillSend(hold, timeout, now)).toBe(may);
});

const lock = (heartbeat: number, planOpen = false): LockRow => ({
  hostname: 'h',
  token: 't',
  lockId: 'l',
  purpose: 'relocate',
  cluster: 'c:1',
  fence: 1,
  heartbeat,
  acquiredAt: '2026-01-01 00:00:00',
  planOpen,
});
const contention: Contention = {
  contended: true,
  instance: {host: 'c', port: 1},
  cluster: 'c:1',
  holder: {hostname: 'h', token: 't'},
  purpose: 'relocate',
  since: '2026-01-01 00:00:00',
  lockId: 'l',
};
const blocked = (row: LockRow | null): Blocker => ({lock: row, contention});

test.each([
  {what: 'nothing', looks: [[0, []]], until: 0, verdict: 'free'},
  {what: 'a maintenance', looks: [[0, [blocked(null)]]], until: 0, verdict: 'contended'},
  {what: 'a maintenance, with time to queue', looks: [[0, [blocked(null)]]], until: 10, verdict: 'look'},
  {what: 'a lock seen once', looks: [[0, [blocked(lock(1))]]], until: 0, verdict: 'look'},
  {
    what: 'a lock that moved',
    looks: [
      [0, [blocked(lock(1))]],
      [900, [blocked(lock(2))]],
    ],
    until: 0,
    verdict: 'contended',
  },
  {
    what: 'a lock that moved, with time to queue',
    looks: [
      [0, [blocked(lock(1))]],
      [900, [blocked(lock(2))]],
    ],
    until: 5000,
    verdict: 'look',
  },
  {
    what: 'a lock that moved and then stood still for longer than a glance',
    looks: [
      [0, [blocked(lock(1))]],
      [900, [blocked(lock(2))]],
      [2400, [blocked(lock(2))]],
    ],
    until: 0,
    verdict: 'look',
  },
  {
    what: 'a lock that stood still for a lease',
    looks: [
      [0, [blocked(lock(1))]],
      [5000, [blocked(lock(1))]],
    ],
    until: 0,
    verdict: 'free',
  },
  {
    what: 'one with an open plan, however long',
    looks: [
      [0, [blocked(lock(1, true))]],
      [50_000, [blocked(lock(1, true))]],
    ],
    until: 0,
    verdict: 'contended',
  },
  {
    what: 'one that is gone and a maintenance',
    looks: [
      [0, [blocked(lock(1))]],
      [5000, [blocked(lock(1)), blocked(null)]],
    ],
    until: 0,
    verdict: 'contended',
  },
] as const)('in the way: $what → $verdict', ({looks, until, verdict}) => {
  let watched: ReturnType<typeof watchBlockers> = new Map();
  for (const [at, blockers] of looks) watched = watchBlockers(watched, blockers, at);
  const [now, blockers] = looks[looks.length - 1]!;
  expect(judgeBlockers(blockers, watched, {timing: defaultTiming, now, until, answerAtOnce: false})).toBe(verdict);
});

test('a caller that wants an answer at once gets it while a holder may still be alive', () => {
  const blockers = [blocked(lock(1))];
  const watched = watchBlockers(new Map(), blockers, 0);
  expect(judgeBlockers(blockers, watched, {timing: defaultTiming, now: 0, until: 0, answerAtOnce: true})).toBe('contended');
});

test('contention says who, why and since when, with exit code 7', () => {
  const error = contentionError(contention);
  expect(error.message).toBe('cluster c:1 is being changed by h (relocate) since 2026-01-01 00:00:00');
  expect(error.exitCode).toBe(7);
});

test.each([
  {lockId: 'l', shows: 'orchestrator which-locks'},
  {lockId: null, shows: 'orchestrator maintenance'},
])('contention with lock $lockId names the command that shows it: $shows', ({lockId, shows}) => {
  expect(contentionError({...contention, lockId}).hint).toMatch(new RegExp(`queue with --wait DURATION; \`${shows}\` shows`));
});

const short: Timing = {...defaultTiming, lease: 200, margin: 20, renewEach: 40, retryWithin: 15};
const keep = (renew: (held: {validUntil: number}) => Promise<{validUntil: number} | null>, signal = new AbortController().signal) =>
  keepRenewing({
    first: {validUntil: relyUntil(performance.now(), short)},
    renew,
    onRenewed: () => undefined,
    timing: short,
    signal,
    log: () => undefined,
  });

test.each([
  {what: 'the row is lost', renew: async () => null, ends: 'lost', after: 30, before: 150},
  {what: 'every renewal fails', renew: () => Promise.reject(new Error('1213')), ends: 'late', after: 170, before: 400},
  {what: 'a renewal hangs', renew: () => new Promise<null>(() => undefined), ends: 'late', after: 170, before: 400},
])('a hold ends when $what', async ({renew, ends, after, before}) => {
  const began = performance.now();
  expect(await keep(renew)).toBe(ends);
  expect(performance.now() - began).toBeGreaterThan(after);
  expect(performance.now() - began).toBeLessThan(before + 1000);
});

test('failures before the deadline do not end a hold, and stopping does', async () => {
  const stopping = new AbortController();
  let tries = 0;
  const end = keep(async () => {
    tries += 1;
    if (tries === 12) stopping.abort();
    if (tries % 3 !== 0) throw new Error('connection lost');
    return {validUntil: relyUntil(performance.now(), short)};
  }, stopping.signal);
  expect(await end).toBe('stopped');
  expect(tries).toBe(12);
});

test('every process has a token of its own, as long as one of 3.2.6', () => {
  expect(makeNodeId('h').token).toMatch(/^[0-9a-f]{64}$/);
  expect(makeNodeId('h').token).not.toBe(makeNodeId('h').token);
});

const wsrep = (options: string, more: Record<string, string> = {}) => ({
  wsrep_on: 'ON',
  wsrep_sync_wait: '7',
  wsrep_provider_options: options,
  ...more,
});

test.each([
  {settings: {innodb_flush_log_at_trx_commit: '1', read_only: 'OFF', transaction_isolation: 'REPEATABLE-READ'}, says: []},
  {settings: {innodb_flush_log_at_trx_commit: '2'}, says: ['loses its last second']},
  {settings: {read_only: 'ON'}, says: ['is read-only']},
  {settings: {super_read_only: '1'}, says: ['is read-only']},
  {settings: {tx_isolation: 'READ-UNCOMMITTED'}, says: ['not committed']},
  {settings: {group_replication_group_name: 'x', group_replication_consistency: 'EVENTUAL'}, says: ['group_replication_consistency']},
  {settings: {group_replication_group_name: 'x', group_replication_consistency: 'BEFORE'}, says: []},
  {
    settings: {group_replication_group_name: 'x', group_replication_consistency: 'BEFORE', group_replication_member_expel_timeout: '5'},
    says: ['for 5 s more (group_replication_member_expel_timeout)'],
  },
  {
    settings: {group_replication_group_name: 'x', group_replication_consistency: 'BEFORE', group_replication_member_expel_timeout: '0'},
    says: [],
  },
  {settings: {group_replication_group_name: '', group_replication_member_expel_timeout: '5'}, says: []},
  {settings: wsrep('evs.suspect_timeout = PT2S; pc.ignore_quorum = false'), says: []},
  {settings: wsrep('evs.suspect_timeout = PT5S'), says: ['stall for 5 s']},
  {settings: wsrep(''), says: ['stall for 5 s']},
  {settings: wsrep('evs.suspect_timeout = PT1.5S; pc.ignore_sb = true'), says: ['both halves']},
  {settings: wsrep('evs.suspect_timeout = PT2S', {wsrep_sync_wait: '0', wsrep_dirty_reads: 'ON'}), says: ['old rows', 'wsrep_sync_wait']},
])('settings $settings → $says', ({settings, says}) => {
  const remarks = judgeSettings(new Map(Object.entries(settings)));
  expect(remarks.map(({sentence}) => says.find((part) => sentence.includes(part)))).toEqual(says);
});

test.each([
  {settings: {read_only: 'ON'}, code: 'BACKEND_READ_ONLY'},
  {settings: {tx_isolation: 'READ-UNCOMMITTED'}, code: 'REFUSED'},
])('nothing is served on a backend with $settings: $code', ({settings, code}) => {
  expect(() => refuseGrave(judgeSettings(new Map(Object.entries(settings))))).toThrow(expect.objectContaining({code}));
});

test('what is only warned about is served on', () => {
  expect(() => refuseGrave(judgeSettings(new Map([['innodb_flush_log_at_trx_commit', '2']])))).not.toThrow();
});

test.each([
  {text: 'PT2S', seconds: 2},
  {text: 'PT0.3S', seconds: 0.3},
  {text: 'PT1M30S', seconds: 90},
  {text: 'P1D', seconds: 86_400},
  {text: 'soon', seconds: Infinity},
])('$text is $seconds s', ({text, seconds}) => {
  expect(durationOf(text)).toBe(seconds);
});

test('provider options with = in their value', () => {
  expect(providerOptions('a = b; c = d=e;').get('c')).toBe('d=e');
});

test.each([
  {ahead: 0, odd: false},
  {ahead: -2, odd: false},
  {ahead: 2, odd: false},
  {ahead: 3, odd: true},
  // As little as 2 s behind: it wrote 7.9, cut off to 7, and a moment later ours shows 10.0.
  {ahead: -3, odd: false},
  {ahead: -4, odd: true},
])('a clock that seems $ahead s ahead is remarked on: $odd', ({ahead, odd}) => {
  expect(judgeClocks(new Map([['n', ahead]]))).toHaveLength(odd ? 1 : 0);
});

test('tables outside of InnoDB are an error', () => {
  expect(
    judgeEngines(
      new Map([
        ['active_node', 'MyISAM'],
        ['leader_term', 'InnoDB'],
      ]),
    )[0]?.sentence,
  ).toContain('active_node (MyISAM)');
});
