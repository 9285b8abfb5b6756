import {ACCOUNTS, type AccountName} from './client.ts';
import type {ServerName} from './fetch-recipes.ts';

/** What `app` may do, and only in `test`: no global privilege, so read_only holds for it. */
const APP = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER';

/** One statement an item. Run without a binary log, so that GTID sets start empty. */
export function accountStatements(server: Exclude<ServerName, 'haproxy'>): string[] {
  if (server === 'mysql56') return ["DELETE FROM mysql.user WHERE user = ''", 'FLUSH PRIVILEGES', ...grantsOf56(), ...SCHEMA];
  const replication =
    server === 'mysql9'
      ? 'REPLICATION SLAVE, BACKUP_ADMIN, CLONE_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM'
      : 'REPLICATION SLAVE, REPLICATION CLIENT';
  return [
    'FLUSH PRIVILEGES',
    ...(['root', 'orc', 'repl', 'app'] as const).map((name) => `CREATE USER ${at(name)}${identified(name)}`),
    `GRANT ALL ON *.* TO ${at('root')} WITH GRANT OPTION`,
    `GRANT ALL ON *.* TO ${at('orc')} WITH GRANT OPTION`,
    `GRANT ${replication} ON *.* TO ${at('repl')}`,
    ...SCHEMA,
    `GRANT ${APP} ON test.* TO ${at('app')}`,
  ];
}

const SCHEMA = ['CREATE DATABASE IF NOT EXISTS test'];

/** 5.6 creates accounts by granting. */
function grantsOf56(): string[] {
  return [
    `GRANT ALL ON *.* TO ${at('root')} WITH GRANT OPTION`,
    `GRANT ALL ON *.* TO ${at('orc')}${identified('orc')} WITH GRANT OPTION`,
    `GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${at('repl')}${identified('repl')}`,
    `GRANT ${APP} ON test.* TO ${at('app')}${identified('app')}`,
  ];
}

function at(name: AccountName): string {
  return `'${ACCOUNTS[name].user}'@'%'`;
}

function identified(name: AccountName): string {
  const {password} = ACCOUNTS[name];
  return password === '' ? '' : ` IDENTIFIED BY '${password}'`;
}
