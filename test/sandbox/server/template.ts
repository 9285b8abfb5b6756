import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {cp, mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import {cacheFolder, type Tree} from '../fetch.ts';
import {accountStatements} from './accounts.ts';
import type {ServerName} from './fetch-recipes.ts';
import {waitFor} from '../wait.ts';
import {Instance} from './instance.ts';
import {locations, SMALL, startOptions} from './options.ts';
import {reservePorts} from './ports.ts';
import {providerOptions} from './wsrep.ts';
import {withLock} from './lock.ts';
import {programOf} from './program.ts';

/** To be raised when the making of templates changes otherwise than by what `templateOf` hashes. */
const EDITION = 1;

type MysqlServer = Exclude<ServerName, 'haproxy'>;

/** The data folder every new instance of this server starts as a copy of; made on first use, by one process. */
export async function templateOf(server: MysqlServer, tree: Tree): Promise<string> {
  const accounts = accountStatements(server);
  const recipe = createHash('sha256')
    .update(JSON.stringify([EDITION, tree.version, accounts, SMALL]))
    .digest('hex');
  const template = join(cacheFolder(), `template-${server}-${recipe.slice(0, 12)}`);
  if (existsSync(template)) return template;
  await withLock(join(cacheFolder(), `template-${server}.lock`), async () => {
    if (existsSync(template)) return;
    const making = join(cacheFolder(), `making-template-${server}`);
    await rm(making, {recursive: true, force: true});
    await mkdir(making, {recursive: true});
    await MAKE[server]({tree, accounts, folder: making});
    await rm(join(making, 'data', 'auto.cnf'), {force: true});
    await rename(join(making, 'data'), template);
    await rm(making, {recursive: true, force: true});
  });
  return template;
}

interface Making {
  readonly tree: Tree;
  readonly accounts: readonly string[];
  /** Holds `data`, the result, and whatever else is needed on the way. */
  readonly folder: string;
}

const MAKE: Readonly<Record<MysqlServer, (making: Making) => Promise<void>>> = {
  mariadb: makeMaria,
  galera: makeGalera,
  mysql9: makeMysql9,
  mysql56: makeMysql56,
};

const MARIA_SYSTEM_TABLES = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
  'fill_help_tables.sql',
  'maria_add_gis_sp_bootstrap.sql',
  'mysql_sys_schema.sql',
];

/** Does what the install script of MariaDB does, without the programs and host files that script wants. */
async function makeMaria({tree, accounts, folder}: Making): Promise<void> {
  await mkdir(join(folder, 'data', 'mysql'), {recursive: true});
  const share = join(tree.folder, 'usr/share/mysql');
  const tables = await Promise.all(MARIA_SYSTEM_TABLES.map((name) => readFile(join(share, name), 'utf8')));
  const sql = ['USE mysql;', 'SET @auth_root_socket=NULL;', ...tables, lines(accounts)].join('\n');
  await bootstrap(tree, ['--bootstrap', '--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', ...dataOf(folder)], sql);
}

/** Data of a node that once was a whole cluster: nodes that begin with the same data need not be sent it. */
async function makeGalera(making: Making): Promise<void> {
  await makeMaria(making);
  const {tree, folder} = making;
  const reserved = await reservePorts(4);
  const [port = 0] = reserved.ports;
  const peers = `127.0.0.1:${reserved.ports[1]}`;
  const {command, args, env} = programOf(tree.server, tree.folder);
  const settings = {folder, port, serverId: 1, netTimeout: 60, gtid: true, user: userInfo().username};
  const node = new Instance({
    name: 'template',
    flavor: 'mariadb',
    serverId: 1,
    port,
    version: tree.version,
    folder,
    mayStart: () => true,
    program: {
      command,
      args: [
        ...args,
        ...locations('galera', tree),
        ...startOptions('galera', settings),
        ...providerOptions({tree, name: 'template', ports: reserved.ports, peers}),
        '--skip-log-bin',
      ],
      env,
    },
  });
  try {
    await node.start(['--wsrep-new-cluster']);
    await waitFor(
      'the cluster of one is Synced',
      async () => {
        const [row] = await node.query("SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'");
        return row?.['Value'] === 'Synced';
      },
      {within: 60_000},
    );
  } finally {
    await node.stop();
    await reserved.release();
  }
  await Promise.all(['galera.cache', 'gvwstate.dat'].map((name) => rm(join(folder, 'data', name), {force: true})));
}

async function makeMysql9({tree, accounts, folder}: Making): Promise<void> {
  const file = join(folder, 'accounts.sql');
  await writeFile(file, lines(accounts.filter((statement) => statement !== 'FLUSH PRIVILEGES')));
  await bootstrap(
    tree,
    ['--initialize-insecure', `--init-file=${file}`, '--innodb-redo-log-capacity=8M', '--performance-schema=OFF', ...dataOf(folder)],
    '',
  );
}

/** The package brings a data folder of its own, which lacks our accounts. */
async function makeMysql56({tree, accounts, folder}: Making): Promise<void> {
  await cp(join(tree.folder, 'data', 'mysql'), join(folder, 'data'), {recursive: true});
  await bootstrap(tree, ['--bootstrap', '--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', ...dataOf(folder)], lines(accounts));
}

function dataOf(folder: string): string[] {
  return [`--datadir=${join(folder, 'data')}`, `--tmpdir=${folder}`, `--user=${userInfo().username}`, '--skip-log-bin'];
}

/** In bootstrap mode a statement ends where a line ends with a semicolon. */
function lines(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join('');
}

async function bootstrap(tree: Tree, options: readonly string[], sql: string): Promise<void> {
  const {command, args, env} = programOf(tree.server, tree.folder);
  const server = tree.server as MysqlServer;
  const child = spawn(command, [...args, ...locations(server, tree), ...SMALL, ...options], {
    env: {...process.env, ...env},
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  const said: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => said.push(data));
  child.stderr.on('data', (data: Buffer) => said.push(data));
  child.stdin.on('error', () => undefined); // a server that gave up early says why on stderr
  child.stdin.end(sql);
  const [code] = (await once(child, 'close')) as [number | null];
  const text = Buffer.concat(said).toString();
  const failed = code !== 0 || /^ERROR:/m.test(text);
  if (failed)
    throw new Error(`The data folder for ${server} ${tree.version} could not be made: ${text.trim().split('\n').slice(-5).join(' | ')}`);
}
