import type {Instance, Reading, Replication} from '../../model/instance.ts';

/** What a reading has and database_instance has no column for; kept as JSON in `instance_detail`. */
export interface Detail {
  readonly superReadOnly: boolean | null;
  readonly otherChannels: readonly string[];
  readonly relayLogRecovery: boolean | null;
  readonly gtid: Pick<Reading['gtid'], 'currentPos' | 'replicaPos' | 'binlogState' | 'binlogPos' | 'strict'>;
  readonly semiSync: Pick<Reading['semiSync'], 'waitPoint' | 'waitNoReplica'>;
  readonly detected: Omit<Reading['detected'], 'pseudoGtid'>;
  readonly replication: ReplicationDetail | null;
  /** GTID sets longer than their columns, whole. */
  readonly long: Partial<Record<'executed' | 'purged' | 'errant', string>>;
}

interface ReplicationDetail extends Pick<
  Replication,
  'sourceHostAsWritten' | 'sourceServerId' | 'retrievedGtid' | 'user' | 'heartbeatPeriod' | 'netTimeout' | 'secondsBehind' | 'lag'
> {
  readonly receiverErrno: number;
  readonly applierErrno: number;
}

/** What a text column of database_instance holds at most. */
const COLUMN_LENGTH = 65_535;

export function detailOf(instance: Instance): Detail {
  const {gtid, semiSync, detected, replication} = instance;
  const {currentPos, replicaPos, binlogState, binlogPos, strict} = gtid;
  const long = (['executed', 'purged', 'errant'] as const).filter((name) => gtid[name].length > COLUMN_LENGTH);
  return {
    superReadOnly: instance.superReadOnly,
    otherChannels: instance.otherChannels,
    relayLogRecovery: instance.relayLogRecovery,
    gtid: {currentPos, replicaPos, binlogState, binlogPos, strict},
    semiSync: {waitPoint: semiSync.waitPoint, waitNoReplica: semiSync.waitNoReplica},
    detected: {clusterAlias: detected.clusterAlias, clusterDomain: detected.clusterDomain, promotionRule: detected.promotionRule},
    replication: replication && replicationDetail(replication),
    long: Object.fromEntries(long.map((name) => [name, gtid[name]])),
  };
}

function replicationDetail(replication: Replication): ReplicationDetail {
  const {sourceHostAsWritten, sourceServerId, retrievedGtid, user, heartbeatPeriod, netTimeout, secondsBehind, lag} = replication;
  const [receiverErrno, applierErrno] = [replication.receiver.errno, replication.applier.errno];
  return {
    sourceHostAsWritten,
    sourceServerId,
    retrievedGtid,
    user,
    heartbeatPeriod,
    netTimeout,
    secondsBehind,
    lag,
    receiverErrno,
    applierErrno,
  };
}

/** What is known of an instance of which only the columns of 3.2.6 are there. */
export const NO_DETAIL: Detail = {
  superReadOnly: null,
  otherChannels: [],
  relayLogRecovery: null,
  gtid: {currentPos: '', replicaPos: '', binlogState: '', binlogPos: '', strict: false},
  semiSync: {waitPoint: '', waitNoReplica: null},
  detected: {clusterAlias: null, clusterDomain: null, promotionRule: null},
  replication: null,
  long: {},
};

/** Fields that a newer or older version of ours left out read as not known. */
export function readDetail(text: string | null): Detail {
  return text === null ? NO_DETAIL : {...NO_DETAIL, ...(JSON.parse(text) as Partial<Detail>)};
}
