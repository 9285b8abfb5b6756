import {expect, test} from 'vitest';
import {analyze} from '../../../src/lib/analysis/analyze.ts';
import {KEYS, type Config} from '../../../src/lib/config/keys.ts';
import {analysisJson} from '../../../src/lib/surfaces/legacy-json/analysis.ts';
import {clusterInfoJson} from '../../../src/lib/surfaces/legacy-json/cluster-info.ts';
import {healthJson} from '../../../src/lib/surfaces/legacy-json/health.ts';
import {problemsOf} from '../../../src/lib/operations/information/problems.ts';
import {instanceJson} from '../../../src/lib/surfaces/legacy-json/instance.ts';
import {auditJson, changelogJson, logPlaceJson, poolsJson, promotionRuleJson} from '../../../src/lib/surfaces/legacy-json/lists.ts';
import {maintenanceJson} from '../../../src/lib/surfaces/legacy-json/maintenance.ts';
import {blockedRecoveryJson, detectionJson, recoveryJson, stepJson} from '../../../src/lib/surfaces/legacy-json/recovery.ts';
import {escapedJson} from '../../../src/lib/config/escaped-json.ts';
import {coordinatesJson, nullableJson, type Json} from '../../../src/lib/surfaces/legacy-json/values.ts';
import type {Recovery} from '../../../src/lib/store/recovery/recoveries.ts';
import {and, broken, down, given, key, stopped, type But} from '../support/given.ts';

const defaults = Object.fromEntries(Object.entries(KEYS).map(([name, {default: value}]) => [name, value])) as unknown as Config;
const cluster = {name: 'a:3306', alias: 'shop', domain: 'shop.example', instances: 3};
const keysOf = (json: Json): readonly string[] => Object.keys(json as object);

/** The key lists of the interface, in their order; `=` marks a second spelling of the key before. */
const INSTANCE =
  'Key InstanceAlias Uptime ServerID ServerUUID Version VersionComment FlavorName ReadOnly Binlog_format BinlogRowImage LogBinEnabled LogSlaveUpdatesEnabled LogReplicationUpdatesEnabled SelfBinlogCoordinates MasterKey MasterUUID AncestryUUID IsDetachedMaster Slave_SQL_Running ReplicationSQLThreadRuning Slave_IO_Running ReplicationIOThreadRuning ReplicationSQLThreadState ReplicationIOThreadState HasReplicationFilters GTIDMode SupportsOracleGTID UsingOracleGTID UsingMariaDBGTID UsingPseudoGTID ReadBinlogCoordinates ExecBinlogCoordinates IsDetached RelaylogCoordinates LastSQLError LastIOError SecondsBehindMaster SQLDelay ExecutedGtidSet GtidPurged GtidErrant SlaveLagSeconds ReplicationLagSeconds SlaveHosts Replicas ClusterName SuggestedClusterAlias DataCenter Region PhysicalEnvironment ReplicationDepth IsCoMaster HasReplicationCredentials ReplicationCredentialsAvailable SemiSyncAvailable SemiSyncPriority SemiSyncMasterEnabled SemiSyncReplicaEnabled SemiSyncMasterTimeout SemiSyncMasterWaitForReplicaCount SemiSyncMasterStatus SemiSyncMasterClients SemiSyncReplicaStatus LastSeenTimestamp IsLastCheckValid IsUpToDate IsRecentlyChecked SecondsSinceLastSeen CountMySQLSnapshots IsCandidate PromotionRule IsDowntimed DowntimeReason DowntimeOwner DowntimeEndTimestamp ElapsedDowntime UnresolvedHostname AllowTLS Problems LastDiscoveryLatency ReplicationGroupName ReplicationGroupIsSinglePrimary ReplicationGroupMemberState ReplicationGroupMemberRole ReplicationGroupMembers ReplicationGroupPrimaryInstanceKey';
const ANALYSIS =
  'AnalyzedInstanceKey AnalyzedInstanceMasterKey ClusterDetails AnalyzedInstanceDataCenter AnalyzedInstanceRegion AnalyzedInstancePhysicalEnvironment AnalyzedInstanceBinlogCoordinates IsMaster IsReplicationGroupMember IsCoMaster LastCheckValid LastCheckPartialSuccess CountReplicas CountValidReplicas CountValidReplicatingReplicas CountReplicasFailingToConnectToMaster CountDowntimedReplicas ReplicationDepth Replicas SlaveHosts IsFailingToConnectToMaster Analysis Description StructureAnalysis IsDowntimed IsReplicasDowntimed DowntimeEndTimestamp DowntimeRemainingSeconds IsBinlogServer PseudoGTIDImmediateTopology OracleGTIDImmediateTopology MariaDBGTIDImmediateTopology BinlogServerImmediateTopology SemiSyncMasterEnabled SemiSyncMasterStatus SemiSyncMasterWaitForReplicaCount SemiSyncMasterClients CountSemiSyncReplicasEnabled CountLoggingReplicas CountStatementBasedLoggingReplicas CountMixedBasedLoggingReplicas CountRowBasedLoggingReplicas CountDistinctMajorVersionsLoggingReplicas CountDelayedReplicas CountLaggingReplicas IsActionableRecovery ProcessingNodeHostname ProcessingNodeToken CountAdditionalAgreeingNodes StartActivePeriod SkippableDueToDowntime GTIDMode MinReplicaGTIDMode MaxReplicaGTIDMode MaxReplicaGTIDErrant CommandHint IsReadOnly';
const RECOVERY =
  'Id UID AnalysisEntry SuccessorKey SuccessorAlias SuccessorBinlogCoordinates IsActive IsSuccessful LostReplicas ParticipatingInstanceKeys AllErrors RecoveryStartTimestamp RecoveryEndTimestamp ProcessingNodeHostname ProcessingNodeToken Acknowledged AcknowledgedAt AcknowledgedBy AcknowledgedComment LastDetectionId RelatedRecoveryId Type RecoveryType';
const CLUSTER =
  'ClusterName ClusterAlias ClusterDomain CountInstances HeuristicLag HasAutomatedMasterRecovery HasAutomatedIntermediateMasterRecovery';
const HEALTH =
  'Healthy Hostname Token IsActiveNode ActiveNode Error AvailableNodes RaftLeader IsRaftLeader RaftLeaderURI RaftAdvertise RaftHealthyMembers';
const NODE = 'Hostname Token AppVersion FirstSeenActive LastSeenActive ExtraInfo Command DBBackend LastReported';

const instance = (but: But = {}): Record<string, Json> => {
  const it = given('a: b c', {b: but}).get(key('b'));
  if (!it) throw new Error('no b');
  return instanceJson(it, defaults) as Record<string, Json>;
};

const recovery: Recovery = {
  id: 1,
  uid: '1:aa',
  key: key('a'),
  code: 'DeadMaster',
  cluster: 'a:3306',
  alias: 'shop',
  countReplicas: 2,
  replicas: [key('c'), key('b')],
  processor: {hostname: 'n', token: 't'},
  isActive: true,
  startedAt: '2026-01-01 00:00:00',
  endedAt: null,
  isSuccessful: false,
  successor: null,
  successorAlias: '',
  lost: [],
  participating: [],
  errors: [],
  acknowledged: null,
  detectionId: 3,
};

const found = (): Json => {
  const topology = given('a: b c', {a: down, b: broken, c: broken});
  const [analysis] = analyze(topology, defaults);
  if (!analysis) throw new Error('nothing found');
  return analysisJson({analysis, cluster, replicas: [key('c'), key('b')]}, {...defaults, RecoverMasterClusterFilters: ['alias=shop']});
};

test.each([
  {what: 'an instance', json: instance(), keys: `${INSTANCE} UnmanagedChannels`},
  {what: 'a finding', json: found(), keys: ANALYSIS},
  {what: 'a recovery', json: recoveryJson(recovery, defaults), keys: RECOVERY},
  {
    what: 'a detection',
    json: detectionJson({...recovery, isActionable: true, at: '2026-01-01 00:00:00', recoveryId: 7}, defaults),
    keys: RECOVERY,
  },
  {
    what: 'the finding of a recovery',
    json: (recoveryJson(recovery, defaults) as Record<string, Json>)['AnalysisEntry'] ?? null,
    keys: ANALYSIS,
  },
  {what: 'a step', json: stepJson({id: 1, uid: 'u', at: 't', message: 'm'}), keys: 'Id RecoveryUID AuditAt Message'},
  {what: 'a cluster', json: clusterInfoJson(cluster, defaults), keys: CLUSTER},
  {
    what: 'health',
    json: healthJson({healthy: true, isLeader: true, leader: null, nodes: [], error: ''}, {hostname: 'n', token: 't'}),
    keys: HEALTH,
  },
])('$what has exactly the keys of version 3, in their order, and those of ours after them', ({json, keys}) => {
  expect(keysOf(json)).toEqual(keys.split(' '));
});

const AT = '2026-01-01 00:00:00';
const A = {Hostname: 'a', Port: 3306};

/** The smaller shapes, whole. */
test.each<{readonly what: string; readonly json: Json; readonly is: Json}>([
  {
    what: 'maintenance',
    json: maintenanceJson({id: 7, key: key('a'), owner: 'ann', reason: 'disk', since: AT, endsAt: AT, elapsed: 5}),
    is: {MaintenanceId: 7, Key: A, BeginTimestamp: AT, SecondsElapsed: 5, IsActive: true, Owner: 'ann', Reason: 'disk'},
  },
  {
    what: 'an audit line',
    json: auditJson({id: 7, at: AT, type: 'forget', key: key('a'), cluster: 'x', message: 'm'}),
    is: {AuditId: 7, AuditTimestamp: AT, AuditType: 'forget', AuditInstanceKey: A, Message: 'm'},
  },
  {
    what: 'an audit line about nobody',
    json: auditJson({id: 7, at: AT, type: 'forget', key: null, cluster: '', message: ''}),
    is: {AuditId: 7, AuditTimestamp: AT, AuditType: 'forget', AuditInstanceKey: {Hostname: '', Port: 0}, Message: ''},
  },
  {
    what: 'how findings changed',
    json: changelogJson({key: key('a'), changes: [{at: AT, code: 'DeadMaster'}]}),
    is: {AnalyzedInstanceKey: A, Changelog: [`${AT};DeadMaster,`]},
  },
  {
    what: 'a place in a log',
    json: logPlaceJson({key: key('a'), at: {file: 'b.1', position: 4}}),
    is: {Key: A, Coordinates: {LogFile: 'b.1', LogPos: 4, Type: 0}},
  },
  {
    what: 'pools',
    json: poolsJson(['b', 'a'].map((host) => ({key: key(host), pool: 'app', cluster: 'a:3306', alias: 'shop'}))),
    is: {app: [A, {Hostname: 'b', Port: 3306}]},
  },
  {
    what: 'a promotion rule',
    json: promotionRuleJson({key: key('a'), rule: 'must_not', since: AT, lasting: 60}),
    is: {...A, PromotionRule: 'must_not', LastSuggestedString: AT, PromotionRuleExpiry: '2026-01-01 00:01:00'},
  },
  {
    what: 'a recovery that was held back',
    json: blockedRecoveryJson({key: key('a'), cluster: 'a:3306', code: 'DeadMaster', lastBlockedAt: AT, blockingRecoveryId: 3}),
    is: {FailedInstanceKey: A, ClusterName: 'a:3306', Analysis: 'DeadMaster', LastBlockedTimestamp: AT, BlockingRecoveryId: 3},
  },
  {what: 'a number', json: nullableJson(3), is: {Int64: 3, Valid: true}},
  {what: 'no number', json: nullableJson(null), is: {Int64: 0, Valid: false}},
  {
    what: 'coordinates in a relay log',
    json: coordinatesJson({file: 'r.1', position: 4}, 'relaylog'),
    is: {LogFile: 'r.1', LogPos: 4, Type: 1},
  },
])('$what is written as version 3 did', ({json, is}) => {
  expect(JSON.stringify(json)).toBe(JSON.stringify(is));
});

test('a node that leads', () => {
  const node = {hostname: 'n', token: 't', version: '4', firstSeen: '1', lastSeen: '2', mode: 'HttpMode', command: '', backend: 'db:3306'};
  const json = healthJson({healthy: true, isLeader: true, leader: node, nodes: [node], error: ''}, node) as Record<string, Json>;
  expect(keysOf(json['ActiveNode'] ?? null)).toEqual(NODE.split(' '));
  expect(json['AvailableNodes']).toEqual([json['ActiveNode']]);
});

test.each<{readonly but: But; readonly says: Record<string, unknown>}>([
  {
    but: {},
    says: {MasterKey: {Hostname: 'a', Port: 3306}, ReplicationIOThreadState: 1, Slave_IO_Running: true, ReplicationIOThreadRuning: true},
  },
  {but: {replication: {lag: 7}}, says: {SlaveLagSeconds: {Int64: 7, Valid: true}, ReplicationLagSeconds: {Int64: 7, Valid: true}}},
  {but: {replication: {secondsBehind: null}}, says: {SecondsBehindMaster: {Int64: 0, Valid: false}}},
  {but: {replication: null}, says: {MasterKey: {Hostname: '', Port: 0}, ReplicationSQLThreadState: -1, ReplicationIOThreadState: -1}},
  {but: broken, says: {ReplicationIOThreadState: 2, ReplicationIOThreadRuning: false, LastIOError: 'error connecting'}},
  {but: stopped, says: {ReplicationSQLThreadState: 0, Problems: ['not_replicating']}},
  {but: {replication: {source: null, sourceHostAsWritten: '//a'}}, says: {IsDetachedMaster: true, MasterKey: {Hostname: '//a', Port: 0}}},
  {
    but: {replicas: [key('z'), key('y', 2), key('y', 1)]},
    says: {
      SlaveHosts: [
        {Hostname: 'y', Port: 1},
        {Hostname: 'y', Port: 2},
        {Hostname: 'z', Port: 3306},
      ],
    },
  },
  {
    but: {wishes: {downtime: {owner: 'me', reason: 'disk', endsAt: '2026-01-01 00:10:00', elapsed: 1.5, remaining: 60}}},
    says: {
      IsDowntimed: true,
      DowntimeOwner: 'me',
      DowntimeReason: 'disk',
      DowntimeEndTimestamp: '2026-01-01 00:10:00',
      ElapsedDowntime: 1_500_000_000,
    },
  },
  {
    but: {binlog: {at: {file: 'mysql-bin.000003', position: 4}}},
    says: {SelfBinlogCoordinates: {LogFile: 'mysql-bin.000003', LogPos: 4, Type: 0}},
  },
  {but: {}, says: {RelaylogCoordinates: {LogFile: 'relay.000001', LogPos: 1000, Type: 1}}},
])('an instance that is $but says $says', ({but, says}) => {
  expect(instance(but)).toMatchObject(says);
});

test.each<{readonly but: But; readonly problems: readonly string[]}>([
  {but: {}, problems: []},
  {but: down, problems: ['last_check_invalid']},
  {but: {check: {recent: false}}, problems: ['not_recently_checked']},
  {but: {replication: {lag: 11}}, problems: ['replication_lag']},
  {but: {replication: {lag: 10}}, problems: []},
  {but: {replication: {lag: 3600, delay: 3600}}, problems: []},
  {but: {gtid: {errant: 'x:1'}}, problems: ['errant_gtid']},
  {but: and(stopped, {gtid: {errant: 'x:1'}}), problems: ['not_replicating', 'errant_gtid']},
])('$but has the problems $problems', ({but, problems}) => {
  const it = given('a: b', {b: but}).get(key('b'));
  expect(it && problemsOf(it, defaults)).toEqual(problems);
});

test('a dead source as a finding', () => {
  expect(found()).toMatchObject({
    AnalyzedInstanceKey: {Hostname: 'a', Port: 3306},
    Analysis: 'DeadMaster',
    IsMaster: true,
    LastCheckValid: false,
    CountReplicas: 2,
    CountValidReplicatingReplicas: 0,
    Replicas: [
      {Hostname: 'b', Port: 3306},
      {Hostname: 'c', Port: 3306},
    ],
    ClusterDetails: {
      ClusterName: 'a:3306',
      ClusterAlias: 'shop',
      HasAutomatedMasterRecovery: true,
      HasAutomatedIntermediateMasterRecovery: false,
    },
  });
});

test('a recovery without successor and errors', () => {
  expect(recoveryJson(recovery, defaults)).toMatchObject({
    SuccessorKey: {Hostname: '', Port: 0},
    AllErrors: [''],
    Type: '',
    RecoveryType: 'NotMasterRecovery',
    AnalysisEntry: {Analysis: 'DeadMaster', CountReplicas: 2},
  });
});

test('signs that HTML would act on are escaped', () => {
  expect(escapedJson({a: 'x<y>&\u2028'})).toBe('{"a":"x\\u003cy\\u003e\\u0026\\u2028"}');
});
