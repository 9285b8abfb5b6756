import type {Balance} from './losses.ts';
import {figure, highest, median, type Figure, type Report} from './report.ts';
import {CONFIGURATION} from './stage.ts';

/** With four replicas; with more, all of which apply on the same cores, so many fewer. */
const WRITES_PER_SECOND = 600;
const FEW_REPLICAS = 4;
/** How long survivors may take to follow the successor before they never do, milliseconds. */
export const REPOINTED_WITHIN = 30_000;

export interface FailoverOptions {
  readonly runs: number;
  /** How long the service does nothing but watch before each run, milliseconds. */
  readonly idle: number;
  /** Transactions that one replica has received and not applied when the source dies; 0 = none. */
  readonly backlog: number;
  readonly replicas: number;
  say(sentence: string): void;
}

/** What one strike brought. */
export interface Run {
  /** From the kill to the first accepted write; null: nobody was promoted. */
  readonly writable: number | null;
  /** From the kill until all survivors follow the successor with both threads; null: they never did. */
  readonly repointed: number | null;
  /** From the kill until the kernel had closed the source's connections; null: it did not, or nobody saw it. */
  readonly closed: number | null;
  /** Milliseconds after the kill at which the service logged that the source is dead, and who replaces it. */
  readonly confirmed: number | null;
  readonly decided: number | null;
  readonly ratePerSecond: number;
  /** Servers that accepted writes: 1 unless something is very wrong. */
  readonly writers: number;
  readonly balance: Balance;
  readonly log: readonly string[];
}

/** What the runs say together, and one row for each. */
export function report(cast: string, options: FailoverOptions, runs: readonly Run[]): Report {
  const {idle, backlog, replicas} = options;
  const beside = backlog > 0 ? `, one replica ${backlog} transactions behind` : '';
  return {
    title: `failover: source killed under load, ${replicas} replicas${beside}`,
    how: `${CONFIGURATION}, RecoverMasterClusterFilters ["*"]; ${options.runs} runs, each with fresh servers, backend and service, which idles ${idle / 1000} s before. A client process writes, kills (-9) and measures from there to its first accepted write, trying every replica each 3 ms.`,
    cast,
    figures: [...promises(options, runs), ...parts(runs)],
    runs: [['run', 'closed', 'confirmed', 'decided', 'writable', 'all follow', 'writes/s', 'lost'], ...runs.map(row)],
  };
}

/** What README.md states. */
function promises({backlog, replicas}: FailoverOptions, runs: readonly Run[]): Figure[] {
  const promotions = runs.flatMap(({writable}) => (writable === null ? [] : [writable]));
  const repointed = runs.map((run) => run.repointed ?? REPOINTED_WITHIN);
  const target = (value: number): number | null => (backlog > 0 ? null : value);
  const many = replicas > FEW_REPLICAS;
  const least = (rateFor(replicas) * 5) / 6;
  return [
    figure('kill to first accepted write, median', median(promotions), {unit: 'ms', target: target(many ? 500 : 200)}),
    figure('kill to first accepted write, highest', highest(promotions), {unit: 'ms', target: many ? null : target(500)}),
    figure('kill to all survivors following, highest', highest(repointed), {unit: 'ms', target: target(3_000)}),
    figure('runs without a promotion', runs.length - promotions.length, {target: 0}),
    figure('received writes lost, or replicas that do not follow', runs.flatMap(({balance: {lost}}) => lost).length, {target: 0}),
    figure('runs with two writable servers', runs.filter(({writers}) => writers > 1).length, {target: 0}),
    figure(`runs below ${Math.round(least)} writes a second`, runs.filter((run) => run.ratePerSecond < least).length, {target: 0}),
  ];
}

/** Where the time went, and what else is worth knowing. */
function parts(runs: readonly Run[]): Figure[] {
  const middle = (what: string, pick: (run: Run) => number | null, unit = 'ms'): Figure =>
    figure(`${what}, median`, median(runs.flatMap((run) => pick(run) ?? [])), {unit});
  const neverReceived = runs.reduce((sum, run) => sum + run.balance.neverReceived, 0);
  return [
    middle('writes a second before the kill', ({ratePerSecond}) => ratePerSecond, ''),
    figure('acknowledged by the dead source and received by nobody', neverReceived),
    middle("kill to the kernel's closing the source's connections", ({closed}) => closed),
    middle('kill to confirmed dead (log)', ({confirmed}) => confirmed),
    middle('kill to plan journaled (log)', ({decided}) => decided),
  ];
}

function row(run: Run, at: number): string[] {
  const times = [run.closed, run.confirmed, run.decided, run.writable, run.repointed].map(text);
  return [String(at + 1), ...times, String(Math.round(run.ratePerSecond)), String(run.balance.lost.length)];
}

/** Whole milliseconds; `never` for what did not come about. */
export function text(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${Math.round(milliseconds)} ms`;
}

/** Writes a second on a topology with so many replicas. */
export function rateFor(replicas: number): number {
  return Math.round((WRITES_PER_SECOND * FEW_REPLICAS) / Math.max(FEW_REPLICAS, replicas));
}
