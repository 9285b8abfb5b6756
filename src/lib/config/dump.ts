import type {Origin} from './draft.ts';
import {escapedJson} from './escaped-json.ts';
import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';
import {redact} from './secrets.ts';

export interface DumpOptions {
  readonly showSecrets: boolean;
  /** As loaded; without it a list that is null by default prints null whenever it is empty. */
  readonly origin?: Readonly<Record<KeyName, Origin>> | undefined;
}

/**
 * The whole configuration as one line of JSON, as `dump-config` of 3.2.6 prints it: its 190 keys in order, then ours; lists
 * never set are null; `<`, `>` and `&` are escaped. Secrets are hidden unless asked for.
 */
export function dumpConfig(config: Config, {showSecrets, origin}: DumpOptions): string {
  const shown = showSecrets ? config : redact(config);
  const entries = KEY_NAMES.map((key) => [key, neverSet(key, config, origin) ? null : shown[key]]);
  return escapedJson(Object.fromEntries(entries));
}

function neverSet(key: KeyName, config: Config, origin: DumpOptions['origin']): boolean {
  const value = config[key];
  return KEYS[key].default === null && Array.isArray(value) && value.length === 0 && (origin === undefined || origin[key] === 'default');
}
