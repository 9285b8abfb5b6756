import {table} from '../support/table.ts';

/** One line of a result. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** `ms`, `%`, `MB`; '' for counts. */
  readonly unit: string;
  /** Highest value that is good enough; null: reported only. */
  readonly target: number | null;
}

export interface Report {
  readonly title: string;
  /** How it was measured, in sentences. */
  readonly how: string;
  /** What it was measured on. */
  readonly cast: string;
  readonly figures: readonly Figure[];
  /** One row a run, with a heading; empty where there are no runs to tell apart. */
  readonly runs: readonly (readonly string[])[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function highest(values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.max(...values);
}

export function figure(what: string, value: number, {unit = '', target = null}: {unit?: string; target?: number | null} = {}): Figure {
  return {what, value: Math.round(value * 10) / 10, unit, target};
}

/** What was not measured misses its target too. */
function meets({value, target}: Figure): boolean {
  return target === null || value <= target;
}

export function reportText(report: Report): string {
  const {title, how, cast, figures, runs} = report;
  const rows = figures.map((one) => [
    `  ${one.what}`,
    `${one.value}${one.unit && ` ${one.unit}`}`,
    one.target === null ? '' : `target ${one.target}${one.unit && ` ${one.unit}`}`,
    one.target === null ? '' : meets(one) ? 'met' : 'MISSED',
  ]);
  const single = runs.length === 0 ? '' : `\n${table(runs.map((run) => ['', ...run]))}`;
  return `\n${title}\n  ${cast}\n  ${how}\n${single}\n${table(rows)}`;
}

export function isGood(report: Report): boolean {
  return report.figures.every(meets);
}
