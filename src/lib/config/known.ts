import {KEY_NAMES, type KeyName} from './keys.ts';
import {nearest} from './nearest.ts';

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
  return {is: 'unknown', nearest: nearest(folded, KEY_NAMES)};
}
