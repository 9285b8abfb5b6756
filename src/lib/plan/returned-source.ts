import {GtidSet} from '../model/gtid-set.ts';
import {followsByPosition, isMariadb, isReplica, type Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import {BinlogState, mariadbGtidText, strangersIn} from '../model/mariadb-gtid.ts';
import type {Topology} from '../model/topology.ts';
import type {Seconds} from '../model/units.ts';

/** What a server was when it was last read as a source: by this it is known again when it returns. */
export interface SourceIdentity {
  /** '' on MariaDB, which has none. */
  readonly serverUuid: string;
  readonly serverId: number;
  /** MariaDB: what its binary logs held; they never hold less later, unless it is another server at the same address. */
  readonly binlogState: string;
}

export function identityOf({serverUuid, serverId, gtid}: Instance): SourceIdentity {
  return {serverUuid, serverId, binlogState: gtid.binlogState};
}

/** What was done about a returned source before. */
export type ReturnOutcome = 'fenced' | 'rejoined' | 'quarantined';

/** The last recovery of ours that replaced a source, and what happened to it since. */
export interface Demotion {
  /** The recovery's. */
  readonly uid: string;
  readonly recoveryId: number;
  readonly key: InstanceKey;
  readonly cluster: string;
  /** Null: the recovery did not write it down. */
  readonly identity: SourceIdentity | null;
  /** Who took its place, then who took the place of that one, and so on; the last is the source now, as far as recorded. */
  readonly successors: readonly InstanceKey[];
  /** It was an intermediate source, or a member of a group: its replicas were given another source, and nobody took its place. */
  readonly adopted?: true;
  /** A later recovery, of whichever version, made it a source again. */
  readonly promotedSince: boolean;
  /** How long ago that recovery began, on the backend's clock. */
  readonly age: Seconds;
  /** Its replicas then. */
  readonly replicas: readonly InstanceKey[];
  /** What was done last, after its demotion. */
  readonly handled: ReturnOutcome | null;
}

export type ReturnMode = 'off' | 'fence' | 'rejoin';

export interface ReturnCase {
  readonly topology: Topology;
  readonly mode: ReturnMode;
  /** Its lost-in-recovery downtime is in force: nobody has taken it back into service. */
  readonly downtimeStands: boolean;
  /** Probed by this process in this term: only such readings count. */
  isFresh(key: InstanceKey): boolean;
}

/** `leave`: nothing is to be done. `report`: people have to know, nothing is done. */
export type ReturnDecision =
  | {readonly do: 'leave'; readonly because: string}
  | {readonly do: 'report'; readonly because: string}
  | {readonly do: 'fence'; readonly successor: InstanceKey; readonly because: string}
  | {readonly do: 'rejoin'; readonly successor: InstanceKey; readonly because: string}
  | {readonly do: 'quarantine'; readonly successor: InstanceKey; readonly errant: string; readonly because: string};

/**
 * What to do about a server that a recovery of ours replaced and that is back. A server is closed only if every condition of
 * coordination.md §8 holds that data can tell; kill switch and lock are the caller's. Pure.
 */
export function decideReturned(returned: Instance, demotion: Demotion, at: ReturnCase): ReturnDecision {
  const who = keyText(returned.key);
  const none = whyNone(returned, demotion, at);
  if (none !== null) return {do: 'leave', because: `${who} ${none}`};
  const stranger = whyAnother(returned, demotion.identity);
  if (stranger !== null)
    return {do: 'report', because: `${who} is back at the address of a replaced source, but ${stranger}: it is left alone`};
  const successor = at.topology.get(demotion.successors.at(-1));
  if (!successor || whyNoSource(successor, at) !== null) {
    const name = demotion.successors.map(keyText).at(-1) ?? 'its successor';
    return {do: 'leave', because: `${who} is back, but ${name} ${successor ? whyNoSource(successor, at) : 'is not known'}`};
  }
  if (!returned.readOnly) {
    return {do: 'fence', successor: successor.key, because: `${who} was replaced by ${keyText(successor.key)} and is back writable`};
  }
  return decideRejoin(returned, successor, {demotion, at});
}

function whyNone(returned: Instance, {promotedSince}: Demotion, {mode, downtimeStands, isFresh}: ReturnCase): string | null {
  if (mode === 'off') return 'is left alone (RecoverReturnedSource = off)';
  if (!returned.check.valid || !isFresh(returned.key)) return 'has not been seen in this term';
  if (promotedSince) return 'was made a source again since';
  if (!downtimeStands) return 'was taken back into service: its downtime has ended';
  return null;
}

/** Why this is another server than the one that was replaced, or may be. */
function whyAnother(returned: Instance, identity: SourceIdentity | null): string | null {
  if (identity === null) return 'who it was then was not written down';
  if (identity.serverId !== returned.serverId) return `its server_id is ${returned.serverId} instead of ${identity.serverId}`;
  if (!isMariadb(returned)) {
    if (identity.serverUuid !== '' && identity.serverUuid === returned.serverUuid) return null;
    return `its server_uuid is ${returned.serverUuid || 'unknown'} instead of ${identity.serverUuid || 'a known one'}`;
  }
  const [then, now] = [BinlogState.read(identity.binlogState), BinlogState.read(returned.gtid.binlogState)];
  if (!then || !now || then.isEmpty) return 'its binary logs tell nothing about who it is';
  return now.containsAll(then) === 'yes'
    ? null
    : `its binary logs (${returned.gtid.binlogState}) lack what it had then (${identity.binlogState})`;
}

function whyNoSource(successor: Instance, {isFresh}: ReturnCase): string | null {
  if (!successor.check.valid) return 'cannot be reached';
  if (!isFresh(successor.key)) return 'has not been seen in this term';
  return successor.readOnly ? 'is not writable' : null;
}

interface Rejoining {
  readonly demotion: Demotion;
  readonly at: ReturnCase;
}

function decideRejoin(returned: Instance, successor: Instance, {demotion, at}: Rejoining): ReturnDecision {
  const who = keyText(returned.key);
  if (at.mode !== 'rejoin') return {do: 'leave', because: `${who} is closed, and people decide what becomes of it`};
  const follows = isReplica(returned) && sameKey(returned.replication?.source, successor.key);
  if (follows && demotion.handled === 'rejoined') return {do: 'leave', because: `${who} follows ${keyText(successor.key)}`};
  if (isReplica(returned) && !follows) return {do: 'leave', because: `${who} was made a replica of another server`};
  const strange = byPosition(returned, {successor, at}) ?? ownOf(returned, successor);
  if (strange === null)
    return {do: 'rejoin', successor: successor.key, because: `${who} has nothing that ${keyText(successor.key)} has not`};
  const because = `${who} ${strange.because}`;
  if (demotion.handled === 'quarantined') return {do: 'leave', because};
  return {do: 'quarantine', successor: successor.key, errant: strange.errant, because};
}

/** Below a source whose replicas replicate by file and position a place is needed, and what it wrote last may be on nobody else. */
function byPosition(returned: Instance, {successor, at}: {successor: Instance; at: ReturnCase}): ReturnType<typeof ownOf> {
  const replicas = at.topology.replicasOf(successor.key).filter(({key, check}) => check.valid && !sameKey(key, returned.key));
  if (replicas.length === 0 || !replicas.every(followsByPosition)) return null;
  return {errant: '', because: `cannot be told where to go on: the replicas of ${keyText(successor.key)} replicate by file and position`};
}

/**
 * What keeps a returned source from following its successor: transactions that the successor has not, or what cannot be told.
 * Null when it is clean.
 *
 * @returns `errant` in the server's notation, '' when it is something else
 */
export function ownOf(returned: Instance, successor: Instance): {readonly errant: string; readonly because: string} | null {
  if (isMariadb(returned) !== isMariadb(successor))
    return {errant: '', because: `is ${returned.flavor} and its successor is ${successor.flavor}`};
  return isMariadb(returned) ? ownOfMariadb(returned, successor) : ownOfMysql(returned, successor);
}

function ownOfMysql(returned: Instance, successor: Instance): ReturnType<typeof ownOf> {
  const [ours, theirs, purged] = [returned.gtid.executed, successor.gtid.executed, successor.gtid.purged].map((text) => GtidSet.read(text));
  if (!ours || !theirs || !purged || ours.isEmpty || theirs.isEmpty) return {errant: '', because: 'or its successor does not use GTIDs'};
  const errant = ours.subtract(theirs);
  if (!errant.isEmpty) return {errant: errant.toString(), because: `has errant transactions: ${errant.toString()}`};
  const gone = purged.subtract(ours);
  return gone.isEmpty ? null : {errant: '', because: `lacks ${gone.count} transactions that ${keyText(successor.key)} has purged`};
}

function ownOfMariadb(returned: Instance, successor: Instance): ReturnType<typeof ownOf> {
  const [ours, theirs] = [BinlogState.read(returned.gtid.binlogState), BinlogState.read(successor.gtid.binlogState)];
  if (!ours || !theirs || ours.isEmpty || theirs.isEmpty) return {errant: '', because: 'or its successor has no GTIDs in its binary logs'};
  if (theirs.containsAll(ours) === 'yes') return null;
  const {errant, unknown} = strangersIn(ours, theirs, []);
  const text = [...errant, ...unknown].map(mariadbGtidText).join(',');
  return {errant: text, because: `has errant transactions: up to ${text}`};
}
