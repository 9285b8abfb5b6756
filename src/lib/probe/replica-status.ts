import type {Flavor, ReplicaStatus} from '../flavor/flavor.ts';
import type {Milliseconds} from '../model/units.ts';
import type {Session} from '../servers/servers.ts';

/**
 * What a replica says of its replication, and nothing else: one statement. Hosts are as written, not resolved; lag is
 * Seconds_Behind.
 *
 * @throws what `Session.query` throws; OrchestratorError SERVER_UNKNOWN naming a missing column
 */
export async function readReplicaStatus(session: Session, flavor: Flavor, timeout?: Milliseconds): Promise<ReplicaStatus> {
  return flavor.parseReplicaStatus(await session.query(flavor.showReplicaStatus, timeout === undefined ? {} : {timeout}));
}
