import type {Statement} from './flavor.ts';
import {say} from './statement.ts';

/** Which of these sessions are there: columns `id`, `user`, `ours` (1: of the account we use ourselves), `info`. */
export function showSessionsOf(ids: readonly number[]): Statement {
  return say(
    `SELECT p.id AS id, p.user AS user, p.user = me.user AS ours, p.info AS info FROM information_schema.processlist p
      CROSS JOIN (SELECT user FROM information_schema.processlist WHERE id = CONNECTION_ID()) me
      WHERE p.id <> CONNECTION_ID() AND p.id IN (${ids.map(() => '?').join(', ') || 'NULL'})`,
    ...ids,
  );
}

/**
 * Client sessions of accounts that may write under read_only; not replication, and not ourselves: columns `id`, `user`, `host`. Every
 * account has a row among the privileges, if only USAGE; without SELECT on `mysql` one sees only one's own rows, and an account of
 * which nothing is seen may do anything.
 * A right that an account has by a role is not seen.
 */
export const showPrivilegedSessions: Statement = say(
  `SELECT p.id AS id, p.user AS user, p.host AS host FROM information_schema.processlist p
    WHERE p.id <> CONNECTION_ID() AND p.command NOT LIKE 'Binlog Dump%'
      AND p.user NOT IN ('system user', 'event_scheduler', 'unauthenticated user')
      AND (EXISTS (SELECT 1 FROM information_schema.user_privileges g
          WHERE g.privilege_type IN ('SUPER', 'READ ONLY ADMIN', 'READ_ONLY ADMIN')
            AND LOCATE(CONCAT('''', p.user, '''@'), g.grantee) = 1)
        OR NOT EXISTS (SELECT 1 FROM information_schema.user_privileges g WHERE LOCATE(CONCAT('''', p.user, '''@'), g.grantee) = 1))`,
);

/** Client sessions whatever they may do; not replication, and not ourselves: columns `id`, `user`, `host`, `info`. */
export const showClientSessions: Statement = say(
  `SELECT p.id AS id, p.user AS user, p.host AS host, p.info AS info FROM information_schema.processlist p
    WHERE p.id <> CONNECTION_ID() AND p.command NOT LIKE 'Binlog Dump%'
      AND p.user NOT IN ('system user', 'event_scheduler', 'unauthenticated user')`,
);

/** One session: columns `user`, `command`, `info`; no row when there is none of this number. */
export function showSession(id: number): Statement {
  return say('SELECT user AS user, command AS command, info AS info FROM information_schema.processlist WHERE id = ?', id);
}
