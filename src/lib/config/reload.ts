import type {Group} from './declare.ts';
import {KEYS, KEY_NAMES, type Config, type KeyName} from './keys.ts';

/**
 * Keys of these groups are looked up each time they matter, so that a running service can take up new values. All others are
 * part of something that was opened or begun with them: connections, listeners, schedules.
 */
const AT_ONCE: ReadonlySet<Group> = new Set<Group>(['detection', 'recovery', 'promotion', 'semi-sync', 'hooks', 'classification', 'audit']);
/** Begun at start although others of their group are not. */
const AT_START: ReadonlySet<KeyName> = new Set<KeyName>(['AuditToSyslog']);

/** What came of reading the configuration again; names of keys. */
export interface Reloaded {
  /** In force from now on. */
  readonly applied: readonly KeyName[];
  /** Changed in the file, and waiting for a restart. */
  readonly waiting: readonly KeyName[];
}

/** Whether a running service takes up a new value of the key. */
export function takesEffectAtOnce(key: KeyName): boolean {
  return AT_ONCE.has(KEYS[key].group) && !AT_START.has(key);
}

/**
 * Makes what was read be in force, as far as that goes in a running service.
 *
 * @param live what everything in this process looks at; changed in place, at one moment
 * @param fixed keys that the command line has the last word on
 */
export function takeUp(live: Config, read: Config, fixed: ReadonlySet<KeyName> = new Set()): Reloaded {
  const changed = KEY_NAMES.filter((key) => !fixed.has(key) && JSON.stringify(live[key]) !== JSON.stringify(read[key]));
  const applied = changed.filter(takesEffectAtOnce);
  Object.assign(live, Object.fromEntries(applied.map((key) => [key, read[key]])));
  return {applied, waiting: changed.filter((key) => !takesEffectAtOnce(key))};
}
