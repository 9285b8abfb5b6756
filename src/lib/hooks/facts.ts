import {coordinatesText, type BinlogCoordinates} from '../model/binlog-coordinates.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';

/** What replaces the failed instance; coordinates are null until they are known. */
export interface Successor {
  readonly key: InstanceKey;
  readonly alias: string;
  readonly coordinates: BinlogCoordinates | null;
}

/** What a hook is told: as placeholders in its command, and as variables of its environment. */
export interface HookFacts {
  /** Finding code, such as DeadMaster. */
  readonly failureType: string;
  readonly failureDescription: string;
  readonly instanceType: 'master' | 'co-master' | 'intermediate-master';
  readonly failed: InstanceKey;
  readonly cluster: string;
  readonly clusterAlias: string;
  readonly clusterDomain: string;
  /** What a person asked for (`force-master-failover`, `force-master-takeover`, `graceful-master-takeover`); '' when nobody did. */
  readonly command: string;
  /** As counted by analysis; `replicas` may be fewer. */
  readonly countReplicas: number;
  readonly replicas: readonly InstanceKey[];
  readonly lost: readonly InstanceKey[];
  readonly isDowntimed: boolean;
  /** Whether filters let this cluster be recovered automatically. */
  readonly autoMasterRecovery: boolean;
  readonly autoIntermediateMasterRecovery: boolean;
  /** This node. */
  readonly orchestratorHost: string;
  /** The same for every attempt at one recovery; hooks of a detection have one of their own. */
  readonly recoveryUid: string;
  /** 1 for the first. A hook that was interrupted runs again with the same UID and the next number. */
  readonly attempt: number;
  readonly successor: Successor | null;
}

type Known = Pick<HookFacts, 'failureType' | 'failed' | 'cluster' | 'orchestratorHost' | 'recoveryUid'>;

/** Facts from those that are always known; the others are as for a first, automatic attempt at a source, without successor or losses. */
export function hookFacts(known: Known & Partial<HookFacts>): HookFacts {
  const replicas = known.replicas ?? [];
  return {
    instanceType: 'master',
    failureDescription: '',
    clusterAlias: '',
    clusterDomain: '',
    command: '',
    countReplicas: replicas.length,
    replicas,
    lost: [],
    isDowntimed: false,
    autoMasterRecovery: false,
    autoIntermediateMasterRecovery: false,
    attempt: 1,
    successor: null,
    ...known,
  };
}

/** Each fact once: its placeholders, its variable ('' = none), its text. Those of an absent successor are absent. */
function told(facts: HookFacts): readonly (readonly [placeholders: readonly string[], variable: string, text: string])[] {
  const {successor} = facts;
  const list = (keys: readonly InstanceKey[]): string => keys.map(keyText).join(',');
  return [
    [['failureType'], 'ORC_FAILURE_TYPE', facts.failureType],
    [['instanceType'], 'ORC_INSTANCE_TYPE', facts.instanceType],
    [['isMaster'], 'ORC_IS_MASTER', `${facts.instanceType === 'master'}`],
    [['isCoMaster'], 'ORC_IS_CO_MASTER', `${facts.instanceType === 'co-master'}`],
    [['failureDescription'], 'ORC_FAILURE_DESCRIPTION', facts.failureDescription],
    [['command'], 'ORC_COMMAND', facts.command],
    [['failedHost'], 'ORC_FAILED_HOST', facts.failed.host],
    [['failedPort'], 'ORC_FAILED_PORT', `${facts.failed.port}`],
    [['failureCluster'], 'ORC_FAILURE_CLUSTER', facts.cluster],
    [['failureClusterAlias'], 'ORC_FAILURE_CLUSTER_ALIAS', facts.clusterAlias],
    [['failureClusterDomain'], 'ORC_FAILURE_CLUSTER_DOMAIN', facts.clusterDomain],
    [['countSlaves', 'countReplicas'], 'ORC_COUNT_REPLICAS', `${facts.countReplicas}`],
    [['isDowntimed'], 'ORC_IS_DOWNTIMED', `${facts.isDowntimed}`],
    [['autoMasterRecovery'], 'ORC_AUTO_MASTER_RECOVERY', `${facts.autoMasterRecovery}`],
    [['autoIntermediateMasterRecovery'], 'ORC_AUTO_INTERMEDIATE_MASTER_RECOVERY', `${facts.autoIntermediateMasterRecovery}`],
    [['orchestratorHost'], 'ORC_ORCHESTRATOR_HOST', facts.orchestratorHost],
    [['isSuccessful'], 'ORC_IS_SUCCESSFUL', `${successor !== null}`],
    [['lostSlaves', 'lostReplicas'], 'ORC_LOST_REPLICAS', list(facts.lost)],
    [['countLostReplicas'], '', `${facts.lost.length}`],
    [['slaveHosts', 'replicaHosts'], 'ORC_REPLICA_HOSTS', list(facts.replicas)],
    [['recoveryUID'], 'ORC_RECOVERY_UID', facts.recoveryUid],
    [['attempt'], 'ORC_RECOVERY_ATTEMPT', `${facts.attempt}`],
    ...(successor === null ? [] : toldOfSuccessor(successor)),
  ];
}

function toldOfSuccessor({key, alias, coordinates}: Successor): ReturnType<typeof told> {
  return [
    [['successorHost'], 'ORC_SUCCESSOR_HOST', key.host],
    [['successorPort'], 'ORC_SUCCESSOR_PORT', `${key.port}`],
    [['successorAlias'], 'ORC_SUCCESSOR_ALIAS', alias],
    ...(coordinates === null
      ? []
      : ([[['successorBinlogCoordinates'], 'ORC_SUCCESSOR_BINLOG_COORDINATES', coordinatesText(coordinates)]] as const)),
  ];
}

/** The text of each placeholder that has one. */
export function placeholdersOf(facts: HookFacts): ReadonlyMap<string, string> {
  return new Map(told(facts).flatMap(([placeholders, , text]) => placeholders.map((name) => [name, text] as const)));
}

/**
 * A text with its placeholders replaced, all at once and unquoted: what a value contains is not looked at again. Placeholders of what is
 * not known stay as they are written.
 */
export function fillPlaceholders(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values.get(name) ?? whole);
}

/** The `ORC_*` variables: the 24 of 3.2.6 and ORC_RECOVERY_ATTEMPT. */
export function hookVariables(facts: HookFacts): Readonly<Record<string, string>> {
  return Object.fromEntries(told(facts).flatMap(([, variable, text]) => (variable === '' ? [] : [[variable, text]])));
}
