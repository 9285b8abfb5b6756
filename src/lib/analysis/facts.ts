import type {Config} from '../config/keys.ts';
import {isBinlogServer, isReplicating, isSource, logsReplicaUpdates, majorVersion, type Instance} from '../model/instance.ts';
import {keyText} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import {evidenceOf, isFailingToConnect, type Evidence, type Observations} from './evidence.ts';

/** What a rule may look at, counted once an instance. Numbers count direct replicas, downtimed ones included. */
export interface Facts {
  readonly it: Instance;
  /** Replicates from nobody. */
  readonly isSource: boolean;
  readonly isGroupMember: boolean;
  readonly isCoSource: boolean;
  /** Its key is the name of its cluster. */
  readonly isClusterSource: boolean;
  readonly isBinlogServer: boolean;
  /** LastCheckValid: the last check succeeded and no later one hangs. */
  readonly reachable: boolean;
  /** LastCheckPartialSuccess: the last check got at least its first answer. */
  readonly partial: boolean;
  /** Not reachable for us, yet it sent a packet of its own: alive, whatever it refused. */
  readonly answers: boolean;
  readonly evidence: Evidence;
  readonly isFailingToConnect: boolean;
  readonly isReadOnly: boolean;

  readonly replicas: number;
  readonly reachableReplicas: number;
  /** Reachable, with both threads running. */
  readonly replicating: number;
  readonly failingToConnect: number;
  readonly lagging: number;
  readonly delayed: number;
  readonly downtimed: number;
  readonly binlogServers: number;

  /** What all reachable replicas use; false without any. */
  readonly allUseOracleGtid: boolean;
  readonly allUseMariadbGtid: boolean;
  readonly allAreBinlogServers: boolean;
  readonly usesPseudoGtid: boolean;

  readonly logging: number;
  readonly loggingStatement: number;
  readonly loggingMixed: number;
  readonly loggingRow: number;
  readonly loggingMajorVersions: number;

  /** Of all replicas but binlog servers, which have none, in string order; '' without any. */
  readonly minGtidMode: string;
  readonly maxGtidMode: string;
  /** The largest set in string order of replicas that are not downtimed; '' none. */
  readonly maxErrant: string;

  /** Semi-sync as the instance says it, as a source. */
  readonly semiSyncWaits: boolean;
  readonly semiSyncReplicas: number;
  readonly standsStill: boolean;
}

/** The part of the configuration that counting needs. */
export type CountPolicy = Pick<Config, 'ReasonableReplicationLagSeconds'>;

export function factsOf(it: Instance, topology: Topology, by: {policy: CountPolicy; observations: Observations}): Facts {
  const replicas = topology.replicasOf(it.key);
  return {
    ...factsAlone(it, by.observations),
    isCoSource: it.cluster.isCoSource || replicas.some((replica) => replica.cluster.isCoSource),
    evidence: evidenceOf(topology, it.key, by.observations),
    ...countReplicas(replicas, by.policy.ReasonableReplicationLagSeconds),
    ...gtidFacts(replicas),
    ...loggingFacts(replicas.filter(logsReplicaUpdates)),
    semiSyncReplicas: count(replicas, (replica) => replica.semiSync.replicaEnabled),
  };
}

type Alone =
  | 'it'
  | 'isSource'
  | 'isGroupMember'
  | 'isClusterSource'
  | 'isBinlogServer'
  | 'reachable'
  | 'partial'
  | 'answers'
  | 'isFailingToConnect'
  | 'isReadOnly'
  | 'usesPseudoGtid'
  | 'semiSyncWaits'
  | 'standsStill';

function factsAlone(it: Instance, observations: Observations): Pick<Facts, Alone> {
  return {
    it,
    isSource: isSource(it),
    isGroupMember: it.group !== null && it.group.name !== '' && it.group.state !== 'OFFLINE',
    isClusterSource: it.cluster.name === keyText(it.key),
    isBinlogServer: isBinlogServer(it),
    reachable: it.check.valid,
    partial: it.check.partial,
    answers: !it.check.valid && it.check.reach === 'alive',
    isFailingToConnect: isFailingToConnect(it),
    isReadOnly: it.readOnly,
    usesPseudoGtid: it.detected.pseudoGtid,
    semiSyncWaits: it.semiSync.sourceEnabled && it.semiSync.sourceStatus && it.semiSync.sourceWaitCount > 0,
    standsStill: observations.standingStill.has(keyText(it.key)),
  };
}

type Counts = 'replicas' | 'reachableReplicas' | 'replicating' | 'failingToConnect' | 'lagging' | 'delayed' | 'downtimed' | 'binlogServers';

function countReplicas(replicas: readonly Instance[], reasonableLag: number): Pick<Facts, Counts> {
  const reachable = replicas.filter((replica) => replica.check.valid);
  return {
    replicas: replicas.length,
    reachableReplicas: reachable.length,
    replicating: count(reachable, isReplicating),
    failingToConnect: count(reachable, isFailingToConnect),
    lagging: count(replicas, (replica) => (replica.replication?.lag ?? 0) > reasonableLag),
    delayed: count(replicas, (replica) => (replica.replication?.delay ?? 0) > 0),
    downtimed: count(replicas, (replica) => replica.wishes.downtime !== null),
    binlogServers: count(replicas, isBinlogServer),
  };
}

type Gtids = 'allUseOracleGtid' | 'allUseMariadbGtid' | 'allAreBinlogServers' | 'minGtidMode' | 'maxGtidMode' | 'maxErrant';

function gtidFacts(replicas: readonly Instance[]): Pick<Facts, Gtids> {
  const reachable = replicas.filter((replica) => replica.check.valid);
  const all = (test: (replica: Instance) => boolean): boolean => reachable.length > 0 && reachable.every(test);
  const modes = replicas
    .filter((replica) => !isBinlogServer(replica))
    .map((replica) => replica.gtid.mode)
    .sort();
  const errant = replicas.map((replica) => (replica.wishes.downtime ? '' : replica.gtid.errant)).sort();
  return {
    allUseOracleGtid: all((replica) => replica.replication?.usingOracleGtid === true),
    allUseMariadbGtid: all((replica) => replica.replication?.usingMariadbGtid === true),
    allAreBinlogServers: all(isBinlogServer),
    minGtidMode: modes[0] ?? '',
    maxGtidMode: modes.at(-1) ?? '',
    maxErrant: errant.at(-1) ?? '',
  };
}

type Logging = 'logging' | 'loggingStatement' | 'loggingMixed' | 'loggingRow' | 'loggingMajorVersions';

function loggingFacts(logging: readonly Instance[]): Pick<Facts, Logging> {
  const ofFormat = (format: string): number => count(logging, (replica) => replica.binlog.format.toUpperCase() === format);
  return {
    logging: logging.length,
    loggingStatement: ofFormat('STATEMENT'),
    loggingMixed: ofFormat('MIXED'),
    loggingRow: ofFormat('ROW'),
    loggingMajorVersions: new Set(logging.filter((replica) => !isBinlogServer(replica)).map(majorVersion)).size,
  };
}

function count(instances: readonly Instance[], test: (instance: Instance) => boolean): number {
  return instances.filter(test).length;
}
