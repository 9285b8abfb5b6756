import type {Config} from '../config/keys.ts';
import {OrchestratorError} from '../errors/errors.ts';
import type {Facts, Flavor, Row} from '../flavor/flavor.ts';
import {parseBinlogStatus} from '../flavor/replica-status.ts';
import {isOn, settings} from '../flavor/rows.ts';
import {parseSemiSync} from '../flavor/semi-sync.ts';
import {familyOf} from '../flavor/version.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {GroupMembership, Place, Reading, Replication} from '../model/instance.ts';
import type {Monotonic, Seconds} from '../model/units.ts';
import type {Session, SessionMemory} from '../servers/servers.ts';
import {firstCell, mustAnswer, type Answer, type Remarks} from './answers.ts';
import type {Answers} from './ask-server.ts';
import {classify} from './classification.ts';
import {saysHeld} from './binlog-status.ts';
import {activeMembers, membershipOf} from './group.ts';
import {replicasFrom, reportedReplicas, unique} from './replicas.ts';

/** What a reading is put together with, beside the answers. */
export interface Assembly {
  readonly session: Session;
  readonly flavor: Flavor;
  readonly config: Config;
  readonly now: () => Monotonic;
  /** What a server is called, from the facts and the connection's port. */
  readonly key: InstanceKey;
  readonly facts: Facts;
  readonly resolve: (key: InstanceKey) => Promise<InstanceKey>;
  readonly isIgnoredReplica: (key: InstanceKey) => boolean;
  readonly placeOf: (host: string) => Place;
  readonly remarks: Remarks;
}

/** No such variable, no such table: the server knows no groups, or its plugin is not loaded. */
const NO_GROUPS = [1193, 1146];

/**
 * The reading that the answers make.
 *
 * @throws the error of the answer without which there is none: the replica status
 */
export async function readingOf(answers: Answers, assembly: Assembly): Promise<Reading> {
  const {facts, flavor, key, config, remarks, session} = assembly;
  const {replication, otherChannels} = flavor.parseReplicaStatus(mustAnswer(answers.replicaStatus));
  const status = settings(remarks.rows(answers.status, 'status variables'));
  const classified = classify(answers.detections, assembly.placeOf(key.host), remarks);
  const account = accountOf(answers.account, {config, remarks});
  return {
    key,
    alias: classified.alias,
    uptime: uptime(session.memory, status, assembly.now()),
    serverId: facts.serverId,
    serverUuid: facts.serverUuid,
    version: facts.version,
    versionComment: facts.versionComment,
    flavor: familyOf(facts),
    readOnly: facts.readOnly,
    superReadOnly: facts.superReadOnly,
    binlog: {...facts.binlog, at: parseBinlogStatus(remarks.rows(answers.binlogStatus, 'binary log status'))},
    gtid: facts.gtid,
    replication: replication && (await completed(replication, {answers, assembly, heartbeat: account.heartbeat})),
    otherChannels,
    replicas: await replicasOf(answers, assembly),
    semiSync: {
      ...parseSemiSync(
        new Map(Object.entries(remarks.rows(answers.semiSyncVariables, 'semi-sync variables')[0] ?? {})),
        status,
        classified.semiSyncPriority,
      ),
      ...(saysHeld(answers.binlogStatus) ? {held: true} : {}),
    },
    group: await groupOf(answers, assembly),
    place: classified.place,
    replicationCredentialsAvailable: account.available,
    detected: classified.detected,
    relayLogRecovery: facts.relayLogRecovery,
  };
}

/**
 * What the server is called (MySQLHostnameResolveMethod), with the port it was connected at.
 *
 * @throws OrchestratorError SERVER_UNKNOWN when it is to be called by a report_host it has not
 */
export function nameOf(asked: InstanceKey, facts: Facts, config: Config): InstanceKey {
  switch (config.MySQLHostnameResolveMethod.toLowerCase()) {
    case 'default':
    case 'hostname':
    case '@@hostname':
      return {host: facts.hostname, port: asked.port};
    case 'report_host':
    case '@@report_host':
      if (facts.reportHost !== '') return {host: facts.reportHost, port: asked.port};
      throw new OrchestratorError(
        'SERVER_UNKNOWN',
        `${keyText(asked)} has no report_host, by which MySQLHostnameResolveMethod wants to call it`,
        {
          hint: 'set report_host in its configuration, or MySQLHostnameResolveMethod to none or @@hostname',
        },
      );
    default:
      return asked;
  }
}

/** The server said it once on this connection, and cannot have restarted since. */
function uptime(memory: SessionMemory, status: ReadonlyMap<string, unknown>, now: Monotonic): Seconds {
  const said = status.get('uptime');
  if (said !== undefined) memory.uptime = {seconds: Number(said), at: now};
  return memory.uptime ? memory.uptime.seconds + Math.floor((now - memory.uptime.at) / 1000) : 0;
}

async function completed(
  replication: Replication,
  {answers, assembly, heartbeat}: {answers: Answers; assembly: Assembly; heartbeat: Seconds | null},
): Promise<Replication> {
  return {
    ...replication,
    source: replication.source && (await assembly.resolve(replication.source)),
    lag: lagOf(replication, answers.lag, assembly.remarks),
    heartbeatPeriod: replication.heartbeatPeriod ?? heartbeat,
    netTimeout: assembly.facts.netTimeout,
  };
}

function lagOf(replication: Replication, answer: Answer, remarks: Remarks): Seconds | null {
  const said = firstCell(remarks.rows(answer, 'ReplicationLagQuery'));
  return said === null || Number.isNaN(Number(said)) ? replication.lag : Math.max(Number(said), 0);
}

/** Whether the server holds credentials one could set up its former source with, and how often it is told that its source lives. */
function accountOf(answer: Answer, {config, remarks}: {config: Config; remarks: Remarks}): {available: boolean; heartbeat: Seconds | null} {
  const row: Row = remarks.rows(answer, 'mysql.slave_master_info')[0] ?? {};
  const heartbeat = row['heartbeat'];
  return {
    available: config.ReplicationCredentialsQuery !== '' || isOn(row['has_user']),
    heartbeat: heartbeat === undefined || heartbeat === null ? null : Number(heartbeat),
  };
}

async function replicasOf(answers: Answers, {config, key, remarks, resolve, isIgnoredReplica}: Assembly): Promise<readonly InstanceKey[]> {
  const {replicas, dumps} = answers;
  if ('error' in replicas && config.DiscoverByShowSlaveHosts) remarks.rows(replicas, 'DiscoverByShowSlaveHosts');
  const reported = 'rows' in replicas ? reportedReplicas(replicas.rows) : [];
  const found = replicasFrom({reported, dumps: remarks.rows(dumps, 'connections of replicas'), own: key}, remarks);
  const resolved = await Promise.all(found.map(resolve));
  return unique(resolved).filter((replica) => !isIgnoredReplica(replica) && keyText(replica) !== keyText(key));
}

async function groupOf(answers: Answers, {facts, resolve, remarks}: Assembly): Promise<GroupMembership | null> {
  const active = activeMembers(remarks.rows(answers.members, 'group replication', NO_GROUPS));
  const group = remarks.rows(answers.group, 'group replication', NO_GROUPS)[0];
  return active.length > 0 && group ? membershipOf(active, {group, self: facts.serverUuid, resolve}) : null;
}
