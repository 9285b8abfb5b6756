import type {SemiSync, SemiSyncWords} from '../model/instance.ts';
import type {Row, Statement} from './flavor.ts';
import {isOn, settings, textOf} from './rows.ts';
import {say} from './statement.ts';

/** What one role's variables and status variables are called. */
interface RoleNames {
  readonly source: string;
  readonly replica: string;
  /** Ends of the names that carry the other role's word. */
  readonly waitCount: string;
  readonly waitNoReplica: string;
}

const NAMES: Readonly<Record<'old' | 'new', RoleNames>> = {
  old: {
    source: 'rpl_semi_sync_master',
    replica: 'rpl_semi_sync_slave',
    waitCount: 'wait_for_slave_count',
    waitNoReplica: 'wait_no_slave',
  },
  new: {
    source: 'rpl_semi_sync_source',
    replica: 'rpl_semi_sync_replica',
    waitCount: 'wait_for_replica_count',
    waitNoReplica: 'wait_no_replica',
  },
};

/**
 * Names and values of all semi-sync variables. The only statement that does not fail where the plugins are not loaded, and the
 * dearest: MySQL 9 goes through all its variables for it (0.7 ms, measured).
 */
export const showSemiSyncVariables: Statement = say("SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_%'");

/** Uptime, and the status of both semi-sync roles under either name, with the commits that wait for a replica. */
export const showUptimeAndSemiSync: Statement = say(
  `SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', ${['old', 'new']
    .map((words) => NAMES[words as 'old' | 'new'])
    .flatMap(({source, replica}) => [
      ...['status', 'clients', 'wait_sessions', 'yes_tx'].map((end) => `${source}_${end}`),
      `${replica}_status`,
    ])
    .map((name) => `'${name[0]?.toUpperCase()}${name.slice(1)}'`)
    .join(', ')})`,
);

/**
 * @param status by name in lower case, as `settings` gives the rows of `showUptimeAndSemiSync`
 * @returns commits that wait for an acknowledgement now, and how many ever got one
 */
export function waitingCommits(status: ReadonlyMap<string, unknown>): {readonly waiting: number; readonly acknowledged: number} {
  const sum = (end: string): number =>
    Object.values(NAMES).reduce((total, {source}) => total + Number(status.get(`${source}_${end}`) ?? 0), 0);
  return {waiting: sum('wait_sessions'), acknowledged: sum('yes_tx')};
}

/**
 * @param status as for `waitingCommits`
 * @returns how many replicas acknowledge to the source
 */
export function acknowledging(status: ReadonlyMap<string, unknown>): number {
  return Object.values(NAMES).reduce((all, {source}) => all + Number(status.get(`${source}_clients`) ?? 0), 0);
}

/** The variables a probe reads, of those a server has. Pass the rows of `showSemiSyncVariables`. */
export function semiSyncVariablesOf(rows: readonly Row[]): readonly string[] {
  const wanted = Object.values(NAMES).flatMap((names) => [
    `${names.replica}_enabled`,
    ...['enabled', 'timeout', 'wait_point', names.waitCount, names.waitNoReplica].map((end) => `${names.source}_${end}`),
  ]);
  const present = settings(rows);
  return wanted.filter((name) => present.has(name));
}

/** The same values as `showSemiSyncVariables` in a twentieth of the time, once it is known which there are. */
export function selectVariables(names: readonly string[]): Statement {
  return say(`SELECT ${names.map((name) => `@@global.${name} AS ${name}`).join(', ')}`);
}

/**
 * @param variables by name, as `settings` or one row of `selectVariables` gives them; empty where no plugin is loaded
 * @param status by name in lower case; empty when it was not asked for since neither role is enabled
 */
export function parseSemiSync(variables: ReadonlyMap<string, unknown>, status: ReadonlyMap<string, unknown>, priority: number): SemiSync {
  const words = {source: wordsOf(variables, 'source'), replica: wordsOf(variables, 'replica')};
  const source = NAMES[words.source ?? 'old'];
  const replica = NAMES[words.replica ?? 'old'];
  const of = (end: string) => variables.get(`${source.source}_${end}`);
  return {
    available: words.source !== null && words.replica !== null,
    sourceEnabled: isOn(of('enabled')),
    sourceStatus: isOn(status.get(`${source.source}_status`)),
    sourceTimeout: Number(of('timeout') ?? 0),
    // MariaDB and 5.6 have no such variable: one acknowledgement is what they wait for.
    sourceWaitCount: words.source === null ? 0 : Number(of(source.waitCount) ?? 1),
    sourceClients: Number(status.get(`${source.source}_clients`) ?? 0),
    // 5.6 has no choice: it waits after the commit.
    waitPoint: words.source === null ? '' : textOf(of('wait_point') ?? 'AFTER_COMMIT'),
    waitNoReplica: of(source.waitNoReplica) === undefined ? null : isOn(of(source.waitNoReplica)),
    replicaEnabled: isOn(variables.get(`${replica.replica}_enabled`)),
    replicaStatus: isOn(status.get(`${replica.replica}_status`)),
    priority,
    ...wordsKnown(words),
  };
}

/** Of a server with one plugin, the other will be of the same age. */
function wordsKnown({source, replica}: Readonly<Record<'source' | 'replica', 'old' | 'new' | null>>): {readonly words?: SemiSyncWords} {
  const any = source ?? replica;
  return any ? {words: {source: source ?? any, replica: replica ?? any}} : {};
}

function wordsOf(variables: ReadonlyMap<string, unknown>, role: 'source' | 'replica'): 'old' | 'new' | null {
  if (variables.has(`${NAMES.new[role]}_enabled`)) return 'new';
  return variables.has(`${NAMES.old[role]}_enabled`) ? 'old' : null;
}

/** Switches one role on or off. */
export function switchSemiSync(role: 'source' | 'replica', on: boolean, words: SemiSyncWords): Statement {
  return say(`SET GLOBAL ${NAMES[words[role]][role]}_enabled = ?`, on ? 1 : 0);
}

/** Sets one value of the source's role. */
export function setSemiSyncValue(
  words: 'old' | 'new',
  what: 'timeout' | 'wait_point' | 'waitCount' | 'waitNoReplica',
  value: number | string,
): Statement {
  const names = NAMES[words];
  const end = what === 'waitCount' || what === 'waitNoReplica' ? names[what] : what;
  return say(`SET GLOBAL ${names.source}_${end} = ?`, value);
}
