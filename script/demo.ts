import {createServer} from 'node:net';
import path from 'node:path';
import {styleText} from 'node:util';
import {ACCOUNTS, sandbox, waitFor, type Flavor, type Instance, type Sandbox} from '../test/sandbox/index.ts';
import {buildIfStale} from './build.ts';
import {choiceOption, interruption, BadInput, readCommandLine, runScript} from './support/command-line.ts';
import {Program} from './support/program.ts';
import {table} from './support/table.ts';
import type {Service} from './support/service.ts';
import {failSource, type Story} from './support/timeline.ts';

const FLAVORS = ['mariadb', 'mysql9', 'mysql56'] as const satisfies readonly Flavor[];
const SERVERS: Readonly<Record<Flavor, string>> = {mariadb: 'MariaDB', mysql9: 'MySQL', mysql56: 'MySQL'};
const SHAPE = 'source: replica1 replica2 replica3';
const FIRST_PORT = 3000;
const LAST_PORT = 3099;
const PATIENCE = {within: 30_000};

const HELP = `A source and three replicas on this machine, its death by kill -9, and its replacement.

  script/demo [--flavor ${FLAVORS.join('|')}] [--once]

  --flavor  MariaDB 10.11 (default), MySQL 9 or MySQL 5.6; fetched on first use
  --once    clean up and end after the recovery, with exit status 1 if nothing was promoted;
            otherwise the service goes on until Ctrl-C, at http://127.0.0.1:${FIRST_PORT}

Everything runs on 127.0.0.1 and in temporary folders, and is gone afterwards, however the demo ends.
`;

await runScript('script/demo', async () => {
  const line = readCommandLine('script/demo', {help: {type: 'boolean', short: 'h'}, flavor: {type: 'string'}, once: {type: 'boolean'}});
  const flavor = choiceOption<Flavor>(line, 'flavor', {choices: FLAVORS, absent: 'mariadb'});
  if (line.words.length > 0) throw new BadInput(`It takes no arguments, only options; script/demo --help shows them.`);
  if (line.options['help']) process.stdout.write(HELP);
  else await demo({flavor, once: line.options['once'] === true});
});

interface Wishes {
  readonly flavor: Flavor;
  readonly once: boolean;
}

async function demo(wishes: Wishes): Promise<void> {
  const interrupted = interruption();
  title('Preparing');
  const program = await Program.open(() => buildIfStale());
  try {
    const box = await sandbox({flavor: wishes.flavor});
    try {
      await Promise.race([show(wishes, {program, box, interrupted}), interrupted]);
    } finally {
      say('\nStopping everything.');
      await Promise.all([box.down(), program.close()]);
    }
  } finally {
    await program.close();
  }
}

interface Set {
  readonly program: Program;
  readonly box: Sandbox;
  readonly interrupted: Promise<void>;
}

async function show({once}: Wishes, {program, box, interrupted}: Set): Promise<void> {
  const {source} = await box.topology(SHAPE);
  await source.query('CREATE TABLE test.t (id BIGINT PRIMARY KEY)');
  await box.caughtUp();
  say(`Running on this machine, ${SERVERS[box.flavor]} ${box.version}:`);
  say(table(box.instances.map((instance) => ['', instance.name, addressOf(instance), `pid ${instance.pid}`])).trimEnd());
  const service = await serve(program, source);
  await waitFor('all servers are discovered', () => allKnown(service, addressOf(source), box.instances.length), PATIENCE);
  title(`The topology, served at ${service.address}`);
  say((await program.run('topology', '-i', addressOf(source))).trimEnd());
  title(`Killing the source: kill -9 ${source.pid}`);
  const story = await failSource(
    service,
    source,
    box.instances.filter((instance) => instance !== source),
  );
  tell(story);
  await waitFor('the survivors are seen in their new places', () => allKnown(service, story.promoted, box.instances.length - 1), PATIENCE);
  title('The topology now');
  say((await program.run('topology', '-i', story.promoted)).trimEnd());
  if (once) return;
  title(`Still serving at ${service.address}; Ctrl-C ends it`);
  say(
    ['clusters-info', 'audit-recovery', `audit-recovery-steps/${story.uid}`]
      .map((one) => `  curl -s ${service.address}/api/${one}`)
      .join('\n'),
  );
  await interrupted;
}

async function serve(program: Program, source: Instance): Promise<Service> {
  const port = await freePort();
  if (port !== FIRST_PORT) say(`Port ${FIRST_PORT} is taken, so the service listens on ${port}.`);
  program.configure({
    BackendDB: 'sqlite',
    SQLite3DataFile: path.join(program.folder, 'orchestrator.sqlite3'),
    MySQLTopologyUser: ACCOUNTS.orc.user,
    MySQLTopologyPassword: ACCOUNTS.orc.password,
    ListenAddress: `127.0.0.1:${port}`,
    // All servers are on one host here, so they go by address and port, as they say of themselves.
    HostnameResolveMethod: 'none',
    MySQLHostnameResolveMethod: 'none',
    DiscoverByShowSlaveHosts: true,
  });
  await program.run('discover', '-i', addressOf(source));
  return program.serve(port, '--recover', '*');
}

/** The API's account of an instance, as far as it is read here. */
interface Known {
  readonly IsLastCheckValid: boolean;
}

/** An instance's cluster has so many servers, and all answered when they were probed. */
async function allKnown(service: Service, member: string, servers: number): Promise<boolean> {
  const known = await service.api<readonly Known[]>(`cluster/${member}`);
  return known.length === servers && known.every((one) => one.IsLastCheckValid);
}

/** Milliseconds after the kill, and what happened. */
function tell({happenings, failed, promoted, writable, uid}: Story): void {
  const width = process.stdout.isTTY ? process.stdout.columns : 200;
  for (const {after, what} of happenings) {
    const line = `${`+${Math.round(after)} ms`.padStart(9)}  ${what}`;
    say(line.length > width ? `${line.slice(0, width - 1)}…` : line);
  }
  say(styleText(['bold', 'green'], `\n${promoted} replaces ${failed}: a write was accepted ${Math.round(writable)} ms after the kill.`));
  say(`The steps' times are when they first showed over HTTP. Recovery ${uid}.`);
}

function addressOf({key}: Instance): string {
  return `${key.host}:${key.port}`;
}

async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) if (await isFree(port)) return port;
  throw new Error(`no port between ${FIRST_PORT} and ${LAST_PORT} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.once('error', () => resolve(false));
    listener.listen({port, host: '127.0.0.1', exclusive: true}, () => listener.close(() => resolve(true)));
  });
}

function title(text: string): void {
  say(styleText('bold', `\n${text}`));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
