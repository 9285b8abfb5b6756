import type {Config} from '../config/keys.ts';
import {isBinlogServer, isMariadb, isReplica, logsReplicaUpdates, type Instance} from '../model/instance.ts';
import {keyText, sameKey} from '../model/instance-key.ts';
import {compareMajorVersions, readVersion} from '../model/version.ts';

export type ReplicatePolicy = Pick<Config, 'VerifyReplicationFilters' | 'ReasonableMaintenanceReplicationLagSeconds'>;

/** Less expressive first: a server that logs what it applies cannot turn a row back into a statement, nor follow what it cannot write. */
const FORMATS = ['STATEMENT', 'MIXED', 'ROW'];

/** Order of binary log formats; an unknown one counts as the most expressive. */
export function formatRank(instance: Instance): number {
  const rank = FORMATS.indexOf(instance.binlog.format.toUpperCase());
  return rank < 0 ? FORMATS.length : rank;
}

/**
 * Whether one server could follow another, as far as their settings tell. Positions are another question.
 *
 * @returns null when it could, else the reason, as "… , because REASON"
 */
export function whyCannotReplicate(self: Instance, other: Instance, policy: ReplicatePolicy): string | null {
  return OBSTACLES.find((obstacle) => obstacle.stands(self, other, policy))?.because(self, other) ?? null;
}

export function canReplicateFrom(self: Instance, other: Instance, policy: ReplicatePolicy): boolean {
  return whyCannotReplicate(self, other, policy) === null;
}

interface Obstacle {
  stands(self: Instance, other: Instance, policy: ReplicatePolicy): boolean;
  because(self: Instance, other: Instance): string;
}

const OBSTACLES: readonly Obstacle[] = [
  {
    stands: (self, other) => sameKey(self.key, other.key),
    because: (self) => `${keyText(self.key)} is the same server`,
  },
  {
    stands: (_, other) => !other.binlog.enabled,
    because: (_, other) => `${keyText(other.key)} writes no binary log`,
  },
  {
    stands: (_, other) => isReplica(other) && !logsReplicaUpdates(other),
    because: (_, other) => `${keyText(other.key)} does not log what it replicates`,
  },
  {
    stands: (self, other) => !isMariadb(self) && isMariadb(other) && !isBinlogServer(self),
    because: (self, other) => `${keyText(self.key)} is ${self.flavor} and ${keyText(other.key)} is MariaDB`,
  },
  {
    stands: (self, other) => isMariadb(self) === isMariadb(other) && ![self, other].some(isBinlogServer) && isOlder(self, other),
    because: (self, other) => `${self.version} of ${keyText(self.key)} is older than ${other.version} of ${keyText(other.key)}`,
  },
  {
    // What a binlog server hands on is in the format of its source, whatever that is.
    stands: (self, other) => ![self, other].some(isBinlogServer) && logsReplicaUpdates(self) && formatRank(self) < formatRank(other),
    because: (self, other) =>
      `${keyText(self.key)} logs in ${self.binlog.format} and ${keyText(other.key)} in ${other.binlog.format} format`,
  },
  {
    stands: (self, other, policy) => policy.VerifyReplicationFilters && hasFilters(other) && !hasFilters(self),
    because: (_, other) => `${keyText(other.key)} replicates with filters (VerifyReplicationFilters)`,
  },
  {
    stands: (self, other) => !isBinlogServer(self) && self.serverId === other.serverId,
    because: (self, other) => `${keyText(self.key)} and ${keyText(other.key)} have the same server_id ${self.serverId}`,
  },
  {
    stands: (self, other) => !isBinlogServer(self) && self.serverUuid !== '' && self.serverUuid === other.serverUuid,
    because: (self, other) => `${keyText(self.key)} and ${keyText(other.key)} have the same server_uuid`,
  },
  {
    stands: (self, other, policy) => delayOf(other) > policy.ReasonableMaintenanceReplicationLagSeconds && delayOf(self) < delayOf(other),
    because: (_, other) => `${keyText(other.key)} is delayed by ${delayOf(other)} s`,
  },
];

function isOlder(self: Instance, other: Instance): boolean {
  const [ours, theirs] = [readVersion(self.version), readVersion(other.version)];
  return ours !== null && theirs !== null && compareMajorVersions(ours, theirs) < 0;
}

function hasFilters(instance: Instance): boolean {
  return instance.replication?.hasFilters ?? false;
}

function delayOf(instance: Instance): number {
  return instance.replication?.delay ?? 0;
}
