import type {Samples, Sample, ServerState} from './observer.ts';

/** What a fault says beforehand of the cluster that it hits. `abandon`: a recovery begins, and is given up before anything was changed. */
export type Outcome = {readonly ends: 'promote' | 'none' | 'abandon'} | {readonly ends: 'refuse'; readonly code: string};

export const VIOLATIONS = [
  'two-leaders',
  'term-reused',
  'second-recovery',
  'undue-recovery',
  'missing-recovery',
  'wrong-refusal',
  'stale-fence',
  'lost-write',
  'two-writable',
  'leader-flap',
  'no-convergence',
  'broken-scenario',
] as const;

export interface Violation {
  readonly code: (typeof VIOLATIONS)[number];
  readonly text: string;
}

/** What is known of one cluster when a scenario has ended. */
export interface ClusterEvidence {
  readonly name: string;
  /** One for each fault that hit it. */
  readonly expected: readonly Outcome[];
  /** `openedNobody`: it failed before it had changed who takes writes or who follows whom, and was tried again. */
  readonly recoveries: readonly {readonly uid: string; readonly successful: boolean; readonly openedNobody: boolean}[];
  /** Codes of refusals, as the leaders logged them. */
  readonly refusals: readonly string[];
  /** Ids that were acknowledged and are not on the source that was there at the end. */
  readonly lost: readonly number[];
  /** Per server the fences of the statements of ours it was sent, in the order of its general log. */
  readonly fences: ReadonlyMap<string, readonly number[]>;
  readonly servers: readonly string[];
  /** Servers that were ended, stopped or cut off: they may come back writable, and are closed then. */
  readonly disturbed: ReadonlySet<string>;
}

export interface Evidence {
  readonly samples: Samples;
  readonly clusters: readonly ClusterEvidence[];
  /** Leadership must not have moved through more terms than this; null: it may have moved as it liked. */
  readonly mostTerms: number | null;
}

/** How long a source that comes back may be writable beside its successor until it has been closed. */
export const CLOSED_WITHIN = 15_000;

/** Everything that must hold, whatever was done to whom. Pure. */
export function violationsIn(evidence: Evidence): readonly Violation[] {
  const {samples, clusters, mostTerms} = evidence;
  return [
    ...twoLeaders(samples),
    ...reusedTerms(samples),
    ...(mostTerms === null ? [] : flaps(samples, mostTerms)),
    ...clusters.flatMap((cluster) => [
      ...outcomeOf(cluster, samples.servers),
      ...staleFences(cluster),
      ...lostWrites(cluster),
      ...twoWritable(cluster, samples.servers),
    ]),
  ];
}

/** A node leads for a stretch, without a break that we saw, and another one does for a part of it, or says so once within it. */
function twoLeaders({nodes}: Samples): readonly Violation[] {
  const all = [...Map.groupBy(nodes, ({of}) => of)].map(([of, samples]) => ({
    of,
    spans: spansOf(samples, (said) => said),
    said: samples.filter(({said}) => said === true),
  }));
  const within = (one: (typeof all)[number], other: (typeof all)[number]): boolean =>
    one.said.some(({from, until}) => other.spans.some((span) => from > span.from && until < span.until));
  return all.flatMap((one, at) =>
    all
      .slice(at + 1)
      .filter((other) => longestTogether(one.spans, other.spans) > 0 || within(one, other) || within(other, one))
      .map((other) => ({code: 'two-leaders' as const, text: `${one.of} and ${other.of} led at the same time`})),
  );
}

function reusedTerms({leases}: Samples): readonly Violation[] {
  const holders = new Map<number, Set<string>>();
  for (const {said} of leases) {
    if (said && said.token !== '' && said.token !== 'vacated')
      holders.set(said.term, (holders.get(said.term) ?? new Set()).add(said.token));
  }
  return [...holders]
    .filter(([, tokens]) => tokens.size > 1)
    .map(([term, tokens]) => ({code: 'term-reused', text: `term ${term} had ${tokens.size} holders`}));
}

function flaps({leases}: Samples, most: number): readonly Violation[] {
  const terms = new Set(leases.flatMap(({said}) => (said ? [said.term] : [])));
  return terms.size <= most ? [] : [{code: 'leader-flap', text: `leadership moved without need: terms ${[...terms].join(', ')}`}];
}

function outcomeOf(cluster: ClusterEvidence, samples: readonly Sample<ServerState>[]): readonly Violation[] {
  return [...recoveriesOf(cluster), ...openingsOf(cluster, samples), ...refusalsOf(cluster)];
}

/** What the servers themselves tell, whatever was written down: one that was closed and is open a moment later was promoted. */
function openingsOf({name, expected, servers}: ClusterEvidence, samples: readonly Sample<ServerState>[]): readonly Violation[] {
  const due = expected.filter(({ends}) => ends === 'promote').length;
  const opened = servers.flatMap((server) =>
    [...pairs(samples.filter(({of}) => of === server))].flatMap(([before, after]) =>
      before.said?.writable === false && after.said?.writable === true ? [server] : [],
    ),
  );
  if (opened.length <= due) return [];
  const text = `${name}: ${opened.join(', ')} became writable, ${due} of them ${due === 1 ? 'was' : 'were'} due`;
  return [{code: due === 0 ? 'undue-recovery' : 'second-recovery', text}];
}

/**
 * One recovery for each incident, and none without. Where one was due, attempts before it that opened nobody are no recoveries: on a busy
 * machine the last look before the first change comes too late to say anything, and a candidate may die.
 */
function recoveriesOf({name, expected, recoveries, refusals}: ClusterEvidence): readonly Violation[] {
  const due = expected.filter(({ends}) => ends === 'promote').length;
  const attempts = expected.filter(({ends}) => ends === 'promote' || ends === 'abandon').length;
  const good = recoveries.filter(({successful}) => successful).length;
  const all = `${name}: ${recoveries.length} recoveries, ${good} successful`;
  if (good < due) return [{code: 'missing-recovery', text: `${all}, instead of ${due}; refusals: ${refusals.join(', ') || 'none'}`}];
  const counted = due === 0 ? recoveries : recoveries.filter(({openedNobody}) => !openedNobody);
  if (good === due && counted.length <= attempts) return [];
  return due === 0
    ? [{code: 'undue-recovery', text: `${all}, and ${attempts === 0 ? 'none was due' : 'it was to be given up'}`}]
    : [{code: 'second-recovery', text: `${all}, for ${due === 1 ? 'one incident' : `${due} incidents`}`}];
}

function refusalsOf({name, expected, refusals}: ClusterEvidence): readonly Violation[] {
  const missing = expected.flatMap((one) => (one.ends === 'refuse' && !refusals.includes(one.code) ? [one.code] : []));
  return missing.map((code) => ({
    code: 'wrong-refusal',
    text: `${name} was refused as ${refusals.join(', ') || 'nothing'}, not as ${code}`,
  }));
}

/** After a new holder's first statement on a server none with an older fence executes there; and there are such statements to look at. */
function staleFences({name, fences, recoveries}: ClusterEvidence): readonly Violation[] {
  if (recoveries.some(({successful}) => successful) && [...fences.values()].every((sent) => sent.length === 0)) {
    return [{code: 'broken-scenario', text: `${name} was recovered, and no general log has a statement with a fence`}];
  }
  return [...fences].flatMap(([server, sent]) => {
    const at = sent.findIndex((fence, index) => fence < Math.max(...sent.slice(0, index)));
    return at < 0
      ? []
      : [{code: 'stale-fence' as const, text: `${server} was sent a statement of fence ${sent[at]} after one of a later fence`}];
  });
}

function lostWrites({name, lost}: ClusterEvidence): readonly Violation[] {
  if (lost.length === 0) return [];
  return [{code: 'lost-write', text: `${name} lost ${lost.length} acknowledged writes: ${lost.slice(0, 5).join(', ')}`}];
}

/** For how long two servers of a cluster were writable at the same time; who came back has a while. */
function twoWritable({name, servers, disturbed}: ClusterEvidence, samples: readonly Sample<ServerState>[]): readonly Violation[] {
  const spans = servers.map((server) => ({
    server,
    spans: spansOf(
      samples.filter(({of}) => of === server),
      (said) => said.writable,
    ),
  }));
  return spans.flatMap((one, at) =>
    spans.slice(at + 1).flatMap((other) => {
      const longest = longestTogether(one.spans, other.spans);
      const allowed = disturbed.has(one.server) || disturbed.has(other.server) ? CLOSED_WITHIN : 0;
      if (longest <= allowed) return [];
      return [
        {
          code: 'two-writable' as const,
          text: `${name}: ${one.server} and ${other.server} were writable together for ${Math.round(longest)} ms`,
        },
      ];
    }),
  );
}

interface Span {
  readonly from: number;
  until: number;
}

/** Milliseconds of the longest stretch in which both were what their spans say; 0 = never. */
function longestTogether(some: readonly Span[], others: readonly Span[]): number {
  return Math.max(0, ...some.flatMap((a) => others.map((b) => Math.min(a.until, b.until) - Math.max(a.from, b.from))));
}

/** Stretches in which something said again and again that it holds: from the end of the first look to the start of the last. */
function spansOf<What>(samples: readonly Sample<What>[], holds: (said: What) => boolean): readonly Span[] {
  const spans: Span[] = [];
  let open = false;
  for (const {from, until, said} of samples) {
    const last = spans.at(-1);
    if (said === null || !holds(said)) open = false;
    else if (open && last) last.until = from;
    else {
      spans.push({from: until, until});
      open = true;
    }
  }
  return spans;
}

/** Neighbouring samples of the same thing. */
function* pairs<What>(samples: readonly Sample<What>[]): Generator<readonly [Sample<What>, Sample<What>]> {
  const last = new Map<string, Sample<What>>();
  for (const sample of samples) {
    const before = last.get(sample.of);
    if (before) yield [before, sample];
    last.set(sample.of, sample);
  }
}
