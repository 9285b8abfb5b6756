import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';

/** What a secret is printed as. An empty one prints empty: whether it is set helps, and tells nobody anything. */
export const HIDDEN = '********';

/** Keys whose values are never printed. */
export const SECRET_KEYS: readonly KeyName[] = KEY_NAMES.filter((key) => KEYS[key].secret === true);

/** The same configuration with every secret hidden. */
export function redact(config: Config): Config {
  const hidden = SECRET_KEYS.filter((key) => config[key] !== '').map((key) => [key, HIDDEN]);
  return {...config, ...(Object.fromEntries(hidden) as Partial<Config>)};
}

/**
 * Something that takes every secret value out of free text: logs, errors, statements. Each is found as it is, as JSON writes
 * it, and as URLs write it; one of three characters or fewer only where it stands alone, so that text stays readable.
 */
export function scrubber(config: Config): (text: string) => string {
  const values = SECRET_KEYS.map((key) => config[key]).filter((value): value is string => typeof value === 'string' && value !== '');
  const spellings = new Set(
    values.flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]),
  );
  if (spellings.size === 0) return (text) => text;
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length);
  const anyOfThem = new RegExp(longestFirst.map(expression).join('|'), 'g');
  return (text) => text.replace(anyOfThem, HIDDEN);
}

/** `scrubber` for a single text. */
export function scrub(text: string, config: Config): string {
  return scrubber(config)(text);
}

function expression(value: string): string {
  const literal = value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return value.length > 3 ? literal : `(?<![\\w])${literal}(?![\\w])`;
}
