import {KEY_NAMES, type KeyName} from './keys.ts';

/** Keys of older versions: read without complaint by 3.2.6 and without effect in it, so without effect here. */
export const OBSOLETE_KEYS = [
  'DatabaselessMode__experimental',
  'BufferBinlogEvents',
  'BinlogFileHistoryDays',
  'MaintenanceOwner',
  'ReadLongRunningQueries',
  'DiscoveryPollSeconds',
  'ActiveNodeExpireSeconds',
  'AuditPageSize',
  'SlaveStartPostWaitMilliseconds',
  'MySQLTopologyMaxPoolConnections',
  'MaintenancePurgeDays',
  'MaintenanceExpireMinutes',
  'HttpTimeoutSeconds',
  'AgentAutoDiscover',
  'PseudoGTIDCoordinatesHistoryHeuristicMinutes',
  'PseudoGTIDPreferIndependentMultiMatch',
  'MaxOutdatedKeysToShow',
  'StatusSimpleHealth',
] as const;

const BY_FOLDED_NAME: ReadonlyMap<string, KeyName> = new Map(KEY_NAMES.map((name) => [name.toLowerCase(), name]));

export type KnownKey =
  | {readonly is: 'key'; readonly name: KeyName}
  | {readonly is: 'obsolete'}
  | {readonly is: 'remark'}
  | {readonly is: 'unknown'; readonly nearest: KeyName | null};

/**
 * What a key of a file means, in any letter case. `$schema` and keys that begin with `_`, `#` or `//` are remarks: JSON has
 * no other place for them.
 */
export function knownKey(written: string): KnownKey {
  const folded = written.toLowerCase();
  const name = BY_FOLDED_NAME.get(folded);
  if (name !== undefined) return {is: 'key', name};
  if (OBSOLETE_KEYS.some((key) => key.toLowerCase() === folded)) return {is: 'obsolete'};
  if (/^(\$schema$|_|#|\/\/)/.test(written)) return {is: 'remark'};
  return {is: 'unknown', nearest: nearest(folded)};
}

/** The key with the fewest letters different; null when more than a third of them are. */
function nearest(folded: string): KeyName | null {
  const ranked = KEY_NAMES.map((name) => ({name, distance: distance(folded, name.toLowerCase())})).sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(folded.length, best.name.length) / 3 ? best.name : null;
}

/** Levenshtein: how many letters have to be put in, taken out or replaced to get from one text to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({length: to.length + 1}, (_, index) => index);
  for (const [i, a] of from.split('').entries()) {
    const next = [i + 1];
    for (const [j, b] of to.split('').entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a === b ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
