import type {Row} from '../flavor/flavor.ts';
import {textOf} from '../flavor/rows.ts';
import {isUsableKey, keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Remarks} from './answers.ts';

/** Replicas of a list that say where they are: report_host and report_port. */
export function reportedReplicas(rows: readonly Row[]): readonly InstanceKey[] {
  return unique(rows.map((row) => ({host: textOf(row['Host']), port: Number(row['Port'] ?? 0)})).filter(isUsableKey));
}

export interface ReplicaLists {
  readonly reported: readonly InstanceKey[];
  /** Rows of `showDumps`: where receivers connect from, on a port that says nothing. Empty when those reported are all there are. */
  readonly dumps: readonly Row[];
  readonly own: InstanceKey;
}

/**
 * The replicas that report themselves, and for each receiver beyond them a guess: a replica at the address it connects from, on
 * the instance's own port. No guess is made where somebody reported himself, nor for the instance itself; a receiver that this
 * leaves unexplained is remarked on, since it may be a replica that nobody will find.
 */
export function replicasFrom({reported, dumps, own}: ReplicaLists, remarks: Remarks): readonly InstanceKey[] {
  if (dumps.length <= reported.length) return reported;
  const guesses = dumps
    .map((row) => ({host: clientHost(textOf(row['host'])), port: own.port}))
    .filter((guess) => isUsableKey(guess) && !sameKey(guess, own) && !reported.some(({host}) => host === guess.host));
  const found = unique([...reported, ...guesses]);
  if (found.length < dumps.length) {
    remarks.add(
      `${keyText(own)}: ${dumps.length} connections read its binary log and only ${found.length} replicas can be told from their addresses: set report_host and report_port on replicas`,
    );
  }
  return found;
}

/** `10.0.0.7:51234`, `db2:51234`, `::1:51234`, `[::1]:51234` or a bare name. */
function clientHost(text: string): string {
  return text.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

export function unique(keys: readonly InstanceKey[]): readonly InstanceKey[] {
  return [...new Map(keys.map((key) => [keyText(key), key])).values()];
}
