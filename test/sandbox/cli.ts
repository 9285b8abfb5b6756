import {parseArgs} from 'node:util';
import {ACCOUNTS} from './server/client.ts';
import {fetchServer, cacheFolder} from './fetch.ts';
import {TREE_NAMES, type ServerName, type TreeName} from './server/fetch-recipes.ts';
import {templateOf} from './server/template.ts';
import {WORDS, type Flavor} from './server/words.ts';
import {sandbox, type Sandbox, type TopologyOptions} from './sandbox.ts';
import {parseShape} from './topology.ts';

const FLAVORS = Object.keys(WORDS) as Flavor[];

const HELP = `Real database servers in replication on 127.0.0.1, thrown away at the end.

  script/sandbox up 'a: b c; b: d' [--flavor ${FLAVORS.join('|')}] [--semi-sync] [--no-gtid] [--writable-replicas]
      a is the source of b and c, b of d. Runs until Ctrl-C, then removes everything it made.
  script/sandbox fetch [${TREE_NAMES.join('|')} ...]
      Gets servers into ${cacheFolder()} now, so that nothing has to be downloaded later.

Accounts: ${Object.values(ACCOUNTS)
  .map(({user, password}) => `${user}/${password || '(no password)'}`)
  .join(', ')}.
`;

/** What a person can set right; said in one sentence, exit 2. */
class BadInput extends Error {}

interface Request {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

try {
  await main(read(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`script/sandbox: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof BadInput ? 2 : 1;
}

function read(argv: string[]): Request {
  try {
    const {values, positionals} = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        help: {type: 'boolean', short: 'h'},
        flavor: {type: 'string'},
        'semi-sync': {type: 'boolean'},
        'no-gtid': {type: 'boolean'},
        'writable-replicas': {type: 'boolean'},
      },
    });
    return {words: positionals, options: values};
  } catch (error) {
    throw new BadInput(`${(error as Error).message.split('. ')[0]}; script/sandbox --help shows what it takes.`);
  }
}

async function main({words: [command, ...rest], options}: Request): Promise<void> {
  if (options['help']) {
    process.stdout.write(HELP);
    return;
  }
  if (command === 'fetch') return fetchAll(rest);
  if (command === 'up') return up(rest, options);
  throw new BadInput(`${command ? `There is no "${command}"` : 'Say what to do'}: up or fetch; script/sandbox --help tells more.`);
}

async function fetchAll(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !TREE_NAMES.includes(name as TreeName));
  if (unknown !== undefined) throw new BadInput(`No "${unknown}"; there are ${TREE_NAMES.join(', ')}.`);
  for (const name of names.length > 0 ? (names as TreeName[]) : FLAVORS) {
    const tree = await fetchServer(name);
    if (hasTemplate(name)) await templateOf(name, tree);
    process.stdout.write(`${name} ${tree.version} in ${tree.folder}\n`);
  }
}

function hasTemplate(name: TreeName): name is Exclude<ServerName, 'haproxy'> {
  return name === 'galera' || FLAVORS.includes(name as Flavor);
}

async function up([text, ...more]: readonly string[], options: Request['options']): Promise<void> {
  const flavor = (options['flavor'] ?? 'mariadb') as Flavor;
  if (!FLAVORS.includes(flavor)) throw new BadInput(`No flavor "${flavor}"; there are ${FLAVORS.join(', ')}.`);
  if (text === undefined || more.length > 0) throw new BadInput("up takes one topology in quotes, like 'a: b c; b: d'.");
  try {
    parseShape(text);
  } catch (error) {
    throw new BadInput((error as Error).message);
  }
  if (flavor === 'mysql56' && options['semi-sync'])
    throw new BadInput('MySQL 5.6 comes without semi-sync here; use --flavor mariadb or mysql9.');
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  const box = await sandbox({flavor});
  try {
    await Promise.race([serve(box, text, options), interrupted]);
    await interrupted;
  } finally {
    await box.down();
  }
}

async function serve(box: Sandbox, text: string, options: Request['options']): Promise<void> {
  const wanted: TopologyOptions = {
    semiSync: options['semi-sync'] === true,
    gtid: options['no-gtid'] !== true,
    readOnlyReplicas: options['writable-replicas'] !== true,
  };
  await box.topology(text, wanted);
  const rows = box.instances.map((instance) => [
    instance.name,
    `${instance.key.host}:${instance.key.port}`,
    String(instance.pid),
    instance.version,
    instance.socket,
  ]);
  const {orc, repl, app} = ACCOUNTS;
  process.stdout.write(table([['name', 'address', 'pid', 'version', 'socket'], ...rows]));
  process.stdout.write(`\nEvery privilege: ${orc.user}/${orc.password}; replication: ${repl.user}/${repl.password}; `);
  process.stdout.write(`application, schema test: ${app.user}/${app.password}; root has no password. Ctrl-C ends it all.\n`);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
