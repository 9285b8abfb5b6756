import {isMariadb, type Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Contender} from './contenders.ts';

/** A shorter patience of the source than this is one that may well have run out. */
const PATIENT: Milliseconds = 3600 * 1000;

/** As last read, the source told no client that a transaction is safe before a replica had it. */
export function isLossless(source: Instance): boolean {
  const {semiSync} = source;
  return (
    semiSync.sourceEnabled &&
    semiSync.sourceStatus &&
    semiSync.waitPoint.toUpperCase() === 'AFTER_SYNC' &&
    semiSync.sourceTimeout >= PATIENT &&
    (isMariadb(source) || semiSync.waitNoReplica === true)
  );
}

/** How many acknowledgements the source waited for before it told a client that a transaction is safe; 0: it promised nothing. */
export function acknowledgementsPromised(failed: Instance): number {
  if (!isLossless(failed)) return 0;
  return isMariadb(failed) ? 1 : Math.max(1, failed.semiSync.sourceWaitCount);
}

/**
 * Servers that may have acknowledged what is on no replica at hand.
 *
 * @param known all direct replicas, reachable or not; `contenders` are the reachable ones
 */
export function outOfHand(failed: Instance, known: readonly Instance[], contenders: readonly Contender[]): readonly InstanceKey[] {
  return [
    ...known.filter((replica) => mayHaveAcknowledged(replica) && !isInHand(replica, contenders)).map(({key}) => key),
    ...strangers(failed, known),
  ];
}

/**
 * Why it cannot be shown that every transaction acknowledged to a client reached one of the replicas at hand: as many servers
 * may have acknowledged alone as the source waited for. Null when it can be shown, or was never promised.
 */
export function losslessDoubt(failed: Instance, known: readonly Instance[], contenders: readonly Contender[]): string | null {
  const needed = acknowledgementsPromised(failed);
  const away = outOfHand(failed, known, contenders);
  if (needed === 0 || away.length < needed) return null;
  const who = away.map(keyText).join(', ');
  return `${keyText(failed.key)} was lossless (semi-sync, waiting for ${needed}), and what it acknowledged may be only on ${who}, which cannot be reached or read`;
}

export function mayHaveAcknowledged({semiSync}: Instance): boolean {
  return semiSync.replicaEnabled || semiSync.replicaStatus;
}

/** What it received is known, and none of it is gone. */
function isInHand(replica: Instance, contenders: readonly Contender[]): boolean {
  const contender = contenders.find((one) => sameKey(one.replica.key, replica.key));
  return contender !== undefined && contender.received !== null && !contender.relayLogGone;
}

/** Servers that the source named as its replicas and that we never read. */
function strangers(failed: Instance, known: readonly Instance[]): readonly InstanceKey[] {
  return failed.replicas.filter((key) => !known.some((replica) => sameKey(replica.key, key)));
}
