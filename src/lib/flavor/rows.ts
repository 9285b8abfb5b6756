import {OrchestratorError} from '../errors/errors.ts';
import type {Row} from './flavor.ts';

/** Reads the columns of one row; one that is not there is an error that names it, never a guess. */
export class Columns {
  readonly #row: Row;
  readonly #of: string;

  /** @param of what the row is of, for the message: `replica status` */
  constructor(row: Row, of: string) {
    this.#row = row;
    this.#of = of;
  }

  has(name: string): boolean {
    return name in this.#row;
  }

  /** @throws OrchestratorError SERVER_UNKNOWN when there is no such column */
  value(name: string): unknown {
    if (name in this.#row) return this.#row[name];
    throw new OrchestratorError('SERVER_UNKNOWN', `the server's ${this.#of} has no column ${name}`, {
      hint: 'this version of the server is not understood yet: report it, with its version and the output of that statement',
    });
  }

  /** NULL reads as ''. */
  text(name: string): string {
    return textOf(this.value(name));
  }

  number(name: string): number {
    return Number(this.value(name) ?? 0);
  }

  numberOrNull(name: string): number | null {
    const value = this.value(name);
    return value === null || value === undefined ? null : Number(value);
  }

  on(name: string): boolean {
    return isOn(this.value(name));
  }
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | bigint | boolean);
}

/** How servers write a switch: 1, ON, YES, and since MariaDB 12 also the kinds of read_only. */
export function isOn(value: unknown): boolean {
  return !['', '0', 'OFF', 'NO', 'false'].includes(textOf(value));
}

/** GTID sets come with a line break between servers; ours have none. */
export function gtidText(value: unknown): string {
  return textOf(value).replaceAll(/\s+/g, '');
}

/** Name and value of SHOW VARIABLES and SHOW STATUS, names in lower case. */
export function settings(rows: readonly Row[]): ReadonlyMap<string, unknown> {
  return new Map(rows.map((row) => [textOf(row['Variable_name']).toLowerCase(), row['Value']]));
}
