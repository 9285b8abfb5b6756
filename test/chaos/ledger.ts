import {appendFile, mkdir, readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {dirname, join} from 'node:path';
import {FAULT_KINDS} from './faults.ts';
import {BACKEND_KINDS, type BackendKind} from './backends/backend.ts';
import type {Result} from './run.ts';

/** What a ledger is to hold before it says enough. */
const IN_ALL = 200;
const OF_EACH_BACKEND = 40;
export const OF_EACH_FAULT = 20;

/** One scenario that was played. */
export interface Entry extends Result {
  /** When, as ISO 8601. */
  readonly at: string;
  /** The commit it was played on, with `+` where the work tree differed. */
  readonly revision: string;
  readonly backend: BackendKind;
}

/** Where the ledger is unless said otherwise: it outlives work trees. */
export function ledgerFile(): string {
  return join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local/state'), 'orchestrator-chaos', 'ledger.jsonl');
}

export async function readLedger(file: string): Promise<readonly Entry[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry);
}

export async function addToLedger(file: string, entry: Entry): Promise<void> {
  await mkdir(dirname(file), {recursive: true});
  await appendFile(file, `${JSON.stringify(entry)}\n`);
}

/** What has been played, for whom and how it ended; a line each. */
export function summaryOf(entries: readonly Entry[]): readonly string[] {
  const violated = entries.filter(({violations}) => violations.length > 0);
  const revisions = [...new Set(entries.map(({revision}) => revision.slice(0, 12)))];
  const count = (what: (entry: Entry) => boolean): string => {
    const some = entries.filter(what);
    const bad = some.filter(({violations}) => violations.length > 0).length;
    return `${String(some.length).padStart(5)}${bad > 0 ? `, ${bad} with violations` : ''}`;
  };
  const few = [
    ...BACKEND_KINDS.filter((kind) => entries.filter(({backend}) => backend === kind).length < OF_EACH_BACKEND),
    ...FAULT_KINDS.filter((fault) => entries.filter(({faults}) => faults.includes(fault)).length < OF_EACH_FAULT),
  ];
  return [
    `${entries.length} scenarios, ${violated.length} with violations, on ${revisions.length} commits (${revisions.slice(-3).join(', ')})`,
    '',
    ...BACKEND_KINDS.map((kind) => `  backend ${kind.padEnd(20)}${count(({backend}) => backend === kind)}`),
    ...FAULT_KINDS.map((fault) => `  fault   ${fault.padEnd(20)}${count(({faults}) => faults.includes(fault))}`),
    `wanted: ${IN_ALL} in all, ${OF_EACH_BACKEND} of each backend, ${OF_EACH_FAULT} of each fault; ${
      entries.length < IN_ALL || few.length > 0
        ? `too few: ${[...(entries.length < IN_ALL ? ['in all'] : []), ...few].join(', ')}`
        : 'reached'
    }`,
    '',
    ...timingsOf(entries),
    ...violated.map(
      ({at, backend, scenario, cluster, seed, violations}) =>
        `${at} ${backend}: ${cluster}: ${scenario} (seed ${seed}): ${violations.map(({code}) => code).join(', ')}`,
    ),
  ];
}

/** Median and longest of every measured length of time. */
function timingsOf(entries: readonly Entry[]): readonly string[] {
  const all = entries.flatMap(({backend, scenario, timings}) =>
    Object.entries(timings)
      .filter(([what]) => what !== 'converged')
      .map(([what, milliseconds]) => ({key: `${backend}: ${scenario}: ${what}`, milliseconds})),
  );
  const groups = Map.groupBy(all, ({key}) => key);
  return [...groups]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([key, times]) => {
      const sorted = times.map(({milliseconds}) => milliseconds).toSorted((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)];
      return `  ${key}: median ${median} ms, longest ${sorted.at(-1)} ms, of ${sorted.length}`;
    });
}
