import type {Row} from '../flavor/flavor.ts';
import {textOf} from '../flavor/rows.ts';
import {isUsableKey, keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Remarks} from './answers.ts';

/**
 * What replicas report about themselves (report_host, report_port).
 *
 * @param all whether one that reports no host makes the whole list unfit, since then some are missing
 * @returns null when the list is unfit or empty
 */
export function reportedReplicas(rows: readonly Row[], {all}: {readonly all: boolean}): readonly InstanceKey[] | null {
  const keys = rows.map((row) => ({host: textOf(row['Host']), port: Number(row['Port'] ?? 0)}));
  const usable = keys.filter(isUsableKey);
  if (usable.length === 0 || (all && usable.length < keys.length)) return null;
  return unique(usable);
}

/**
 * What the addresses suggest that receivers connect from: a replica there, on the instance's own port. A suggestion that is the
 * instance itself is dropped, and one address with several receivers hides replicas; both are remarked on.
 */
export function guessedReplicas(rows: readonly Row[], own: InstanceKey, remarks: Remarks): readonly InstanceKey[] {
  const hosts = rows.map((row) => clientHost(textOf(row['host'])));
  const keys = unique(hosts.map((host) => ({host, port: own.port})).filter(isUsableKey));
  const others = keys.filter((key) => !sameKey(key, own));
  if (others.length < hosts.length) {
    remarks.add(
      `${keyText(own)}: several replicas share an address, or have the instance's own, and report no report_host: not all can be found; set report_host and report_port on them`,
    );
  }
  return others;
}

/** `10.0.0.7:51234`, `db2:51234`, `::1:51234`, `[::1]:51234` or a bare name. */
function clientHost(text: string): string {
  return text.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

export function unique(keys: readonly InstanceKey[]): readonly InstanceKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
