import type {InstanceKey} from '../model/instance-key.ts';
import type {Row, Statement} from './flavor.ts';
import {textOf} from './rows.ts';
import {say} from './statement.ts';

/** The server is not run by anything that starts it again, so it stays down after a clone. */
export const NOT_SUPERVISED = 3707;

/** Whether a server has the plugin, and what of it the account that asks may do: columns `plugin` and `privileges`. */
export const showCloneAbility: Statement = say(
  `SELECT (SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name = 'clone' AND plugin_status = 'ACTIVE') AS plugin,
  (SELECT GROUP_CONCAT(privilege_type) FROM information_schema.user_privileges
    WHERE privilege_type IN ('CLONE_ADMIN', 'BACKUP_ADMIN')
      AND grantee = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')
  ) AS privileges`,
);

/** What a server can take part in. */
export interface CloneAbility {
  readonly plugin: boolean;
  /** Of CLONE_ADMIN and BACKUP_ADMIN, those that were given to the account itself. */
  readonly privileges: readonly string[];
}

export function parseCloneAbility([row = {}]: readonly Row[]): CloneAbility {
  const privileges = textOf(row['privileges'] ?? '');
  return {plugin: Number(row['plugin'] ?? 0) > 0, privileges: privileges === '' ? [] : privileges.split(',')};
}

/** The last clone a server received, also after its restart. */
export const showCloneStatus: Statement = say(
  `SELECT state, begin_time AS begun, error_no AS errno, error_message AS error,
  (SELECT COALESCE(SUM(data), 0) FROM performance_schema.clone_progress) AS done,
  (SELECT COALESCE(SUM(estimate), 0) FROM performance_schema.clone_progress) AS estimate
  FROM performance_schema.clone_status`,
);

export interface CloneStatus {
  readonly state: string;
  /** When it began, by the server's clock: tells one clone from another. */
  readonly begun: string;
  readonly errno: number;
  readonly error: string;
  /** 0 to 100; null while nobody knows how much there is. */
  readonly percent: number | null;
}

/** Null: it never received one. */
export function parseCloneStatus([row]: readonly Row[]): CloneStatus | null {
  if (!row) return null;
  const [done, estimate] = [Number(row['done']), Number(row['estimate'])];
  return {
    state: textOf(row['state']),
    begun: textOf(row['begun']),
    errno: Number(row['errno'] ?? 0),
    error: textOf(row['error'] ?? ''),
    percent: estimate > 0 ? Math.min(100, Math.floor((100 * done) / estimate)) : null,
  };
}

/** Only servers on this list may be cloned from. */
export function allowDonor({host, port}: InstanceKey): Statement {
  return say('SET GLOBAL clone_valid_donor_list = ?', `${host}:${port}`);
}

/** A server that is super_read_only cannot drop its own tables for a clone (error 1290, measured); read_only stays on. */
export const allowCloning: Statement = say('SET GLOBAL super_read_only = OFF');

/** Everything on this server is replaced by what the donor has; the server restarts, or shuts down, when that is done. */
export function cloneFrom({host, port}: InstanceKey, {user, password}: {readonly user: string; readonly password: string}): Statement {
  return {
    text: `CLONE INSTANCE FROM ?@?:${port} IDENTIFIED BY ?`,
    values: [user, host, password],
    ...(password === '' ? {} : {secrets: [password]}),
  };
}
