import {TABLES_OF_326} from './migrations/tables-of-3.2.6.ts';

export type Value = string | number | null;

/** Makes one value fit one column. */
type Fit = (value: Value) => Value;

const INTEGERS: Readonly<Record<string, number>> = {tinyint: 2 ** 8, smallint: 2 ** 16, int: 2 ** 32, bigint: Number.MAX_SAFE_INTEGER};
const TEXT_LENGTH = 65_535;

/**
 * Makes rows fit the columns of a 3.2.6 table: too long texts are cut, letters the column cannot hold become `?`, numbers are
 * brought into range. The backend's strict mode would refuse the row otherwise, and with it every other row of the same flush.
 */
export function fitter(table: string): (row: Readonly<Record<string, Value>>) => Record<string, Value> {
  const columns = TABLES_OF_326.find((one) => one.name === table)?.columns ?? {};
  const fits = new Map(Object.entries(columns).map(([name, definition]) => [name, fitOf(definition)]));
  return (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fits.get(name)?.(value) ?? value]));
}

function fitOf(definition: string): Fit {
  const [, type = '', length] = /^(\w+)(?:\((\d+)\))?/.exec(definition) ?? [];
  const range = INTEGERS[type];
  if (range !== undefined) return numberFit(range, definition.includes('unsigned'));
  if (type !== 'varchar' && !type.endsWith('text')) return (value) => value;
  const longest = length === undefined ? TEXT_LENGTH : Number(length);
  const unknown = definition.includes('character set utf8') ? /[\u{10000}-\u{10ffff}]/gu : /[^\0-\x7f]/gu;
  return (value) => (typeof value === 'string' ? value.replace(unknown, '?').slice(0, longest) : value);
}

function numberFit(range: number, unsigned: boolean): Fit {
  const [least, most] = unsigned ? [0, range - 1] : [-range / 2, range / 2 - 1];
  return (value) => (value === null ? null : Math.min(most, Math.max(least, Math.trunc(Number(value)) || 0)));
}
