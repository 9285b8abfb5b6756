import type {Origin} from './draft.ts';
import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';
import {redact} from './secrets.ts';

export interface DumpOptions {
  readonly showSecrets: boolean;
  /** As loaded; without it a list that is null by default prints null whenever it is empty. */
  readonly origin?: Readonly<Record<KeyName, Origin>> | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/**
 * The whole configuration as one line of JSON, as `dump-config` of 3.2.6 prints it: its 190 keys in order, then ours; lists
 * never set are null; `<`, `>` and `&` are escaped. Secrets are hidden unless asked for.
 */
export function dumpConfig(config: Config, {showSecrets, origin}: DumpOptions): string {
  const shown = showSecrets ? config : redact(config);
  const entries = KEY_NAMES.map((key) => [key, neverSet(key, config, origin) ? null : shown[key]]);
  return JSON.stringify(Object.fromEntries(entries)).replace(/[<>&\u2028\u2029]/g, (sign) => ESCAPES[sign] ?? sign);
}

function neverSet(key: KeyName, config: Config, origin: DumpOptions['origin']): boolean {
  const value = config[key];
  return KEYS[key].default === null && Array.isArray(value) && value.length === 0 && (origin === undefined || origin[key] === 'default');
}
