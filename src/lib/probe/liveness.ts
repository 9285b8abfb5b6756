import type {Flavor, ReplicaStatus} from '../flavor/flavor.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {classifyFailure} from '../servers/failure.ts';
import type {Servers, Session, Unreachable} from '../servers/servers.ts';

export type Liveness = {readonly reach: 'answered'; readonly took: Milliseconds} | (Unreachable & {readonly took: Milliseconds});

/**
 * Whether a server lets us in, tried over a fresh connection: the least one can ask, for confirming a death. Never rejects.
 *
 * @param options.timeout for the whole handshake; default MySQLConnectTimeoutSeconds
 */
export async function probeLiveness(
  servers: Servers,
  key: InstanceKey,
  options: {readonly timeout?: Milliseconds} = {},
): Promise<Liveness> {
  const start = performance.now();
  try {
    const session = await servers.connect(key, options);
    session.destroy();
    return {reach: 'answered', took: performance.now() - start};
  } catch (error) {
    return {...classifyFailure(error), took: performance.now() - start};
  }
}

/**
 * What a replica says of its replication, and nothing else: one statement. Hosts are as written, not resolved; lag is
 * Seconds_Behind.
 *
 * @throws what `Session.query` throws; OrchestratorError SERVER_UNKNOWN naming a missing column
 */
export async function readReplicaStatus(session: Session, flavor: Flavor, timeout?: Milliseconds): Promise<ReplicaStatus> {
  return flavor.parseReplicaStatus(await session.query(flavor.showReplicaStatus, timeout === undefined ? {} : {timeout}));
}
