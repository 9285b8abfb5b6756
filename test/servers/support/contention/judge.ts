import {impossibleReads, type Read} from './registers.ts';
import type {Held, Ran, Told} from './worker.ts';

/** All that is known when everybody has stopped. */
export interface Evidence {
  readonly told: readonly Told[];
  /** By server, then by tag: what the backend has. */
  readonly tags: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** What is there of downtimes and the kill switch. */
  readonly last: readonly Read[];
  /** All recoveries, by UID: what was written beside the acknowledgement; null: not acknowledged. */
  readonly recoveries: ReadonlyMap<string, string | null>;
  /** Servers that were certainly changed by us. */
  readonly changed: ReadonlySet<string>;
  /** By server, fences of the statements of ours in the order in which it began them. */
  readonly fences: ReadonlyMap<string, readonly number[]>;
  /** Looks at the servers: who said meanwhile that it takes writes. */
  readonly writable: readonly {readonly server: string; readonly from: number; readonly until: number; readonly said: boolean}[];
  /** Ids that were acknowledged and are missing, by server. */
  readonly missing: ReadonlyMap<string, readonly number[]>;
  /** Terms that services said they were elected for. */
  readonly terms: readonly number[];
  /** Rows of locks, of their members, of maintenance in force, and of open plans. */
  readonly leftOvers: readonly string[];
}

/** Statuses that say something was done, was refused with a reason, could not be asked of the backend in time, or was left to another. */
const EXPECTED: ReadonlySet<number | null> = new Set([0, 4, 5, 7]);
/** So busy a machine that a command could not renew its lock in time: it says that it sent nothing more. */
const STARVED = /the lock (may end before|could not be renewed)/;

const CHANGES_SERVERS: ReadonlySet<string> = new Set(['relocate', 'graceful-master-takeover-auto']);

/** Everything that must not be, a sentence each. Pure. */
export function contradictionsIn(evidence: Evidence): readonly string[] {
  const {told, leftOvers, missing, terms} = evidence;
  return [
    ...told.flatMap(({ran}) => ran.filter(isUnexpected).map(unexpected)),
    ...heldTogether(told.flatMap(({held}) => held)),
    ...lostTags(evidence),
    ...impossibleReads(
      told.flatMap(({writes}) => writes),
      [...told.flatMap(({reads}) => reads), ...evidence.last],
    ),
    ...miscounted(evidence),
    ...staleFences(evidence.fences),
    ...withoutFence(evidence),
    ...writableTogether(evidence.writable),
    ...[...missing].filter(([, ids]) => ids.length > 0).map(([server, ids]) => `${server} lacks ${ids.length} acknowledged rows`),
    ...terms.filter((term, at) => terms.indexOf(term) !== at).map((term) => `term ${term} had two leaders`),
    ...leftOvers.map((row) => `left over: ${row}`),
  ];
}

function isUnexpected(ran: Ran): boolean {
  return !EXPECTED.has(ran.status) && !isStarved(ran);
}

/** Too busy a machine for it: it could not keep its lock and stopped, or we ended it, since it took longer than anybody waits. */
export function isStarved({status, stderr}: Ran): boolean {
  return status === null || (status === 1 && STARVED.test(stderr));
}

/** Fewer changes of servers than this, and a run tells nothing. */
const ENOUGH = 5;

/** One line: whether everything that was told is so, or whether too little happened to say. Pure. */
export function verdictOf(told: readonly Told[], contradictions: readonly string[]): {readonly text: string; readonly good: boolean} {
  const ran = told.flatMap((one) => one.ran);
  const changes = ran.filter(({words, status}) => status === 0 && CHANGES_SERVERS.has(words[0] ?? '')).length;
  const starved = ran.filter(isStarved).length;
  const count = `${ran.length} commands, ${changes} of which changed servers; ${starved} had no time to keep their lock, or were ended by us`;
  if (contradictions.length > 0) return {text: `BAD: ${contradictions.length} contradictions or losses (${count})`, good: false};
  if (changes < ENOUGH)
    return {text: `TELLS NOTHING: too busy a machine, nothing contradicts anything, but little happened (${count})`, good: false};
  return {text: `GOOD: nothing contradicts anything else, and nothing was lost (${count})`, good: true};
}

function unexpected({worker, words, status, stderr}: Ran): string {
  return `worker ${worker}: ${words.join(' ')} ended with ${status}: ${stderr.trim()}`;
}

/** Two were told of the same instance that it is theirs. */
function heldTogether(held: readonly Held[]): readonly string[] {
  return held.flatMap((one, at) =>
    held
      .slice(at + 1)
      .filter((other) => other.server === one.server && other.worker !== one.worker && other.from < one.until && one.from < other.until)
      .map((other) => `workers ${one.worker} and ${other.worker} both had ${one.server}`),
  );
}

function lostTags({told, tags}: Evidence): readonly string[] {
  return told.flatMap((one, worker) =>
    [...one.tags].flatMap(([server, possible]) => {
      const found = tags.get(server)?.get(`worker${worker}`) ?? '';
      return possible.includes(found)
        ? []
        : [`the tag of worker ${worker} on ${server} is "${found}" and was acknowledged as ${possible.join(' or ')}`];
    }),
  );
}

/** A recovery is acknowledged once, by the one command that counted it; and it is acknowledged once a command for it has said so. */
function miscounted({told, recoveries}: Evidence): readonly string[] {
  const comments = [...recoveries.values()];
  return told
    .flatMap(({acknowledging}) => acknowledging)
    .flatMap(({comment, count, uid}) => {
      if (count === null) return [];
      const found = comments.filter((one) => one === comment).length;
      return [
        ...(found === count ? [] : [`${comment} was told that it acknowledged ${count} recoveries, and has acknowledged ${found}`]),
        ...(typeof recoveries.get(uid) === 'string' ? [] : [`recovery ${uid} is not acknowledged, and ${comment} was told that it is`]),
      ];
    });
}

/** After a new holder's first statement on a server none with an older fence executes there. */
export function staleFences(fences: ReadonlyMap<string, readonly number[]>): readonly string[] {
  return [...fences].flatMap(([server, sent]) => {
    let highest = -Infinity;
    return sent.flatMap((fence) => {
      const stale = fence < highest;
      highest = Math.max(highest, fence);
      return stale ? [`${server} was sent a statement of fence ${fence} after one of fence ${highest}`] : [];
    });
  });
}

/** Else nothing was compared, and an older fence after a newer one would not be seen. */
function withoutFence({changed, fences}: Evidence): readonly string[] {
  return [...changed]
    .filter((server) => (fences.get(server) ?? []).length === 0)
    .map((server) => `${server} was changed, and no statement that it was sent names a fence`);
}

/**
 * Who is not where it began: below another one than the source that all followed at first, or a source in place of that one. Pure.
 *
 * @param source the first one
 */
export function changedBy(told: readonly Told[], source: string): ReadonlySet<string> {
  const done = told.flatMap(({ran}) => ran).filter(({status}) => status === 0);
  const moved = done.flatMap(({words: [command, , server = '', , other = '']}) => {
    if (command === 'relocate') return other === source ? [] : [server];
    return command === 'graceful-master-takeover-auto' ? [other] : [];
  });
  return new Set(moved.filter((server) => server !== source));
}

/** Two servers said that they take writes, each before and after the other did. */
function writableTogether(looks: Evidence['writable']): readonly string[] {
  const spans = new Map<string, {from: number; until: number}[]>();
  const open = new Set<string>();
  for (const {server, from, until, said} of looks) {
    const known = spans.get(server) ?? [];
    spans.set(server, known);
    const last = known.at(-1);
    if (said && open.has(server) && last) last.until = from;
    else if (said) known.push({from: until, until});
    if (said) open.add(server);
    else open.delete(server);
  }
  const all = [...spans].flatMap(([server, some]) => some.map((span) => ({...span, server})));
  const found = all.flatMap((one, at) =>
    all
      .slice(at + 1)
      .filter((other) => other.server !== one.server && Math.min(one.until, other.until) > Math.max(one.from, other.from))
      .map((other) => `${one.server} and ${other.server} took writes at the same time`),
  );
  return [...new Set(found)];
}
