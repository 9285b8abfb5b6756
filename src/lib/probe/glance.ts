import {flavorOf} from '../flavor/flavors.ts';
import {isBinlogServer, type Instance, type Reading, type Replication} from '../model/instance.ts';
import {sameKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {classifyFailure} from '../servers/failure.ts';
import type {Session} from '../servers/servers.ts';
import {readReplicaStatus} from './replica-status.ts';
import type {ProbeOutcome} from './outcome.ts';
import type {ProbeOptions} from './probe.ts';

/**
 * Reads how a replica's replication stands, over a connection of its own, and nothing else: the one statement that the death of a
 * source is confirmed by. All else in the reading is as `before`. Never rejects.
 *
 * @param before what a probe of this process said of it
 * @param timeout for the handshake and for the answer
 * @returns null where its replication is not what it was (another source, or none), which takes a probe to understand
 */
export async function glance(
  {servers, now = () => performance.now()}: ProbeOptions,
  before: Instance,
  timeout: Milliseconds,
): Promise<ProbeOutcome | null> {
  const {key} = before;
  const startedAt = now();
  try {
    const session = await servers.connect(key, {asksOnly: true, timeout, readTimeout: timeout});
    try {
      const reading = await readingNow(session, before);
      return reading && {ok: true, asked: key, reading, hostname: null, remarks: [], startedAt, took: now() - startedAt};
    } finally {
      session.destroy();
    }
  } catch (error) {
    const unreachable = classifyFailure(error);
    return {ok: false, asked: key, key, unreachable, partial: false, message: unreachable.message, startedAt, took: now() - startedAt};
  }
}

async function readingNow(session: Session, before: Instance): Promise<Reading | null> {
  // A binlog server may greet with any version.
  const flavor = flavorOf(isBinlogServer(before) ? before : {version: session.serverVersion, versionComment: before.versionComment});
  const {replication: now} = await readReplicaStatus(session, flavor);
  const then = before.replication;
  if (!now || !then || !isSameSource(now, then)) return null;
  return {...before, replication: {...then, receiver: now.receiver, applier: now.applier}};
}

/** As the server writes it: by another spelling of its name it may be another one. */
function isSameSource(now: Replication, then: Replication): boolean {
  const written = (one: Replication) => ({host: one.sourceHostAsWritten, port: one.source?.port ?? 0});
  return sameKey(written(now), written(then));
}
