import {join} from 'node:path';
import type {Tree} from '../fetch.ts';
import type {ServerName} from './fetch-recipes.ts';

/** What a server is told at its start, apart from where its programs are. */
export interface Settings {
  readonly folder: string;
  readonly port: number;
  readonly serverId: number;
  /** `slave_net_timeout`, seconds. */
  readonly netTimeout: number;
  readonly gtid: boolean;
  readonly user: string;
}

type MysqlServer = Exclude<ServerName, 'haproxy'>;

/** Options that tell a server where its own files are; its defaults point into the host. */
export function locations(server: MysqlServer, tree: Tree): string[] {
  if (server === 'mysql56') return where(tree.folder, join(tree.folder, 'share'));
  const base = join(tree.folder, 'usr');
  return [...where(base, join(base, 'share/mysql')), `--plugin-dir=${join(base, 'lib/mysql/plugin')}`];
}

function where(base: string, share: string): string[] {
  return ['--no-defaults', `--basedir=${base}`, `--lc-messages-dir=${share}`, `--character-sets-dir=${join(share, 'charsets')}`];
}

/** Small and fast, but what a commit wrote survives the kill of the process: it has reached the kernel. */
export const SMALL = [
  '--innodb-flush-log-at-trx-commit=2',
  '--sync-binlog=0',
  '--innodb-doublewrite=0',
  '--innodb-use-native-aio=0',
  '--table-open-cache=200',
  '--table-definition-cache=400',
  '--max-connections=100',
];

export function startOptions(server: MysqlServer, settings: Settings): string[] {
  const {folder, port} = settings;
  return [
    `--user=${settings.user}`,
    `--datadir=${join(folder, 'data')}`,
    `--socket=${join(folder, 's.sock')}`,
    `--pid-file=${join(folder, 'pid')}`,
    `--tmpdir=${folder}`,
    `--log-error=${join(folder, 'error.log')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--report-host=127.0.0.1`,
    `--report-port=${port}`,
    `--server-id=${settings.serverId}`,
    '--skip-name-resolve',
    '--log-bin=binlog',
    '--relay-log=relay',
    '--log-slave-updates=ON',
    '--binlog-format=ROW',
    `--slave-net-timeout=${settings.netTimeout}`,
    ...SMALL,
    ...SPECIFIC[server](settings),
  ];
}

const maria = (settings: Settings): string[] => [
  '--innodb-buffer-pool-size=8M',
  '--innodb-log-file-size=4M',
  '--aria-pagecache-buffer-size=1M',
  '--key-buffer-size=1M',
  '--performance-schema=OFF',
  `--gtid-strict-mode=${settings.gtid ? 'ON' : 'OFF'}`,
];

const gtid = (settings: Settings): string[] => {
  const mode = settings.gtid ? 'ON' : 'OFF';
  return [`--gtid-mode=${mode}`, `--enforce-gtid-consistency=${mode}`];
};

const SPECIFIC: Readonly<Record<MysqlServer, (settings: Settings) => string[]>> = {
  mariadb: maria,
  galera: maria,
  // The performance schema stays on: details of replication errors are nowhere else.
  mysql9: (settings) => [
    '--mysqlx=OFF',
    '--secure-file-priv=NULL',
    '--innodb-buffer-pool-size=16M',
    '--innodb-redo-log-capacity=8M',
    '--log-error-verbosity=3',
    ...gtid(settings),
  ],
  mysql56: (settings) => [
    '--innodb-buffer-pool-size=8M',
    '--innodb-log-file-size=4M',
    '--query-cache-size=0',
    '--performance-schema=OFF',
    '--master-info-repository=TABLE',
    '--relay-log-info-repository=TABLE',
    ...gtid(settings),
  ],
};
