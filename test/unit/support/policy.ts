import {KEYS, type Config} from '../../../src/lib/config/keys.ts';

/** The configuration as it is without a file, but for some keys. */
export function configured(keys: Partial<Config> = {}): Config {
  const defaults = Object.fromEntries(Object.entries(KEYS).map(([name, declared]) => [name, declared.default ?? []]));
  return {...defaults, ...keys} as Config;
}
