import type {Config} from '../config/keys.ts';
import type {Flavor} from '../flavor/flavor.ts';
import {isOn, settings} from '../flavor/rows.ts';
import {parseSemiSync, selectVariables, semiSyncVariablesOf, showSemiSyncVariables, showUptimeAndSemiSync} from '../flavor/semi-sync.ts';
import {say} from '../flavor/statement.ts';
import type {Monotonic} from '../model/units.ts';
import type {Session, SessionMemory} from '../servers/servers.ts';
import {askBinlogStatus} from './binlog-status.ts';
import {NOTHING, type Answer, type Asking} from './answers.ts';
import {askDetections, type Detections} from './classification.ts';
import {areAllListed, askReplicas} from './ask-replicas.ts';
import {activeMembers} from './group.ts';

/** Plugins may be loaded while a connection lasts; looked for again after this long. */
const PLUGINS_KNOWN_MS = 60_000;

/** Everything a probe asks, answered or not. */
export interface Answers {
  readonly facts: Answer;
  readonly replicaStatus: Answer;
  readonly binlogStatus: Answer;
  readonly semiSyncVariables: Answer;
  /** Names and values of status variables; asked only where one is wanted. */
  readonly status: Answer;
  readonly replicas: Answer;
  /** Asked only where the replicas do not report themselves. */
  readonly dumps: Answer;
  readonly account: Answer;
  readonly members: Answer;
  readonly group: Answer;
  readonly lag: Answer;
  readonly detections: Detections;
}

export interface AskOptions {
  readonly session: Session;
  readonly flavor: Flavor;
  readonly config: Config;
  readonly now: () => Monotonic;
}

/**
 * Asks a server everything over its one connection: what is always asked goes out at once; what only some servers need follows
 * when the first answers show that they do.
 */
export async function askServer(asking: Asking, options: AskOptions): Promise<Answers> {
  const {session, flavor, config} = options;
  const fresh = session.memory.uptime === undefined;
  const neverHeld = session.memory.semiSyncIsActive === false;
  const [facts, replicaStatus, early, semiSyncVariables, status, {replicas, dumps: connected}, account, members, lag, detections] =
    await Promise.all([
      asking.ask(flavor.showFacts),
      asking.ask(flavor.showReplicaStatus),
      neverHeld ? asking.ask(flavor.showBinlogStatus) : null,
      askSemiSync(asking, options),
      fresh ? asking.ask(showUptimeAndSemiSync) : NOTHING,
      askReplicas(asking, options),
      asking.ask(flavor.showReplicationAccount),
      asking.ask(flavor.showGroupMembers),
      config.ReplicationLagQuery === '' ? NOTHING : asking.askAlone(say(config.ReplicationLagQuery)),
      askDetections(asking, config),
    ]);
  const [current, dumps, group] = await Promise.all([
    !fresh && semiSyncIsOn(session.memory, semiSyncVariables) ? asking.ask(showUptimeAndSemiSync) : status,
    areAllListed(replicas, config) ? NOTHING : (connected ?? asking.ask(flavor.showDumps)),
    'rows' in members && activeMembers(members.rows).length > 0 ? asking.ask(flavor.showGroup) : NOTHING,
  ]);
  if ('rows' in current && current.rows.length > 0) session.memory.semiSyncIsActive = isActive(settings(current.rows));
  const binlogStatus = early ?? (await askBinlogStatus(asking, flavor, current));
  return {
    facts,
    replicaStatus,
    binlogStatus,
    semiSyncVariables,
    status: current,
    replicas,
    dumps,
    account,
    members,
    group,
    lag,
    detections,
  };
}

/** By name once it is known which there are; a name that is gone (1193: plugin unloaded) is a reason to look again. */
async function askSemiSync(asking: Asking, {session, now}: AskOptions): Promise<Answer> {
  const {memory} = session;
  const known = memory.semiSync;
  if (known && (known.variables.length > 0 || now() - known.at < PLUGINS_KNOWN_MS)) {
    const answer = known.variables.length === 0 ? NOTHING : await asking.ask(selectVariables(known.variables));
    if ('rows' in answer) return answer;
  }
  const all = await asking.ask(showSemiSyncVariables);
  if ('error' in all) return all;
  memory.semiSync = {variables: semiSyncVariablesOf(all.rows), at: now()};
  return {rows: all.rows.length === 0 ? [] : [Object.fromEntries(settings(all.rows))]};
}

/** Where neither role is enabled, or still in use from before, the status has nothing to say, and it is the dearest to ask. */
function semiSyncIsOn(memory: SessionMemory, variables: Answer): boolean {
  if (memory.semiSyncIsActive || 'error' in variables) return true;
  const facts = parseSemiSync(new Map(Object.entries(variables.rows[0] ?? {})), new Map(), 0);
  return facts.sourceEnabled || facts.replicaEnabled;
}

/** A role may be switched off and act on until the replica's receiver is restarted. */
function isActive(status: ReadonlyMap<string, unknown>): boolean {
  return [...status].some(([name, value]) => /_(status|clients)$/.test(name) && isOn(value));
}
