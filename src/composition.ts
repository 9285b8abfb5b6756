import {loadConfig, type LoadedConfig, type LoadOptions} from './lib/config/load.ts';
import type {Config} from './lib/config/keys.ts';
import {noticeLine} from './lib/config/notice.ts';
import {makeNodeId, startNodeHealth} from './lib/coordination/nodes.ts';
import type {Log} from './lib/coordination/keep-renewing.ts';
import type {NodeId} from './lib/coordination/types.ts';
import {messageOf} from './lib/errors/errors.ts';
import type {HostNames} from './lib/names/host-names.ts';
import type {Build, Names, Ports} from './lib/operations/context.ts';
import type {Operation, Texts} from './lib/operations/define.ts';
import {isService, serve} from './lib/operations/service/service.ts';
import type {Backend} from './lib/store/backend.ts';
import type {MigrateOptions} from './lib/store/migrations/migrate.ts';
import type {OpenOptions} from './lib/store/open.ts';
import type {Opened} from './lib/surfaces/cli/program.ts';
import type {Logger} from './log.ts';

export interface Composing {
  /** Options every command takes, as given. */
  readonly common: Texts;
  readonly operation: Pick<Operation, 'name' | 'changes'>;
  readonly build: Build;
  readonly env: NodeJS.ProcessEnv;
  /** A sentence for a person who is looking; not for cron, which mails every line. */
  warn(sentence: string): void;
  /** A sentence for whoever reads the result, cron too. */
  alert(sentence: string): void;
  /** Of the service, and of commands that change servers. */
  readonly log: Log & Partial<Pick<Logger, 'tee'>>;
}

/** Joins the rooms for one command line. Nothing is read or opened before an operation asks for it; what is heavy is loaded then. */
export function compose(composing: Composing): Opened {
  const node = makeNodeId();
  const loading = loadOptions(composing);
  const loaded = once(() => load(loading, composing));
  const config = once(async (): Promise<Config> => {
    const found = loaded().config;
    if (found.EnableSyslog || found.AuditToSyslog) await toSyslog(found, composing);
    return found;
  });
  const opened = once(() => openRegistered(config, node, composing));
  const backend = async (): Promise<Backend> => (await opened()).backend;
  const names = once(async () => {
    const {hostNames} = await import('./host-names.ts');
    return hostNames({config: await config(), backend: await backend(), log: composing.log});
  });
  const work = once(async () => {
    const {wire} = await import('./wiring.ts');
    const {common, env, log} = composing;
    const unresolving = {skip: common['skip-unresolve'] === 'true', skipCheck: common['skip-unresolve-check'] === 'true'};
    return wire({config: await config(), backend: await backend(), names: await names(), ports, env, log, unresolving});
  });
  const ports: Ports = {
    node,
    build: composing.build,
    loading,
    config,
    backend,
    resolveHost: async (host) => (await names()).resolve(host),
    names: namesFrom(names),
    discover: async (request) => (await work()).discover(request),
    recover: async (request) => (await work()).recover(request),
    relocate: async (request) => (await work()).relocate(request),
    takeOver: async (request) => (await work()).takeOver(request),
    resumeRecovery: async (uid) => (await work()).resumeRecovery(uid),
    abortRecovery: async (request) => (await work()).abortRecovery(request),
    onInstance: async () => (await work()).onInstance(),
    unlock: async (request) => (await work()).unlock(request),
    serve: async (options) => (await work()).serve(options),
    deploySchema: async () => deploy(await config(), {appVersion: composing.build.version, redeploy: true, warn: composing.warn}),
  };
  return {
    ports,
    async close() {
      if (!opened.asked()) return;
      const {deregister, backend: open} = await opened();
      await deregister();
      await open.close();
    },
  };
}

/** A name is looked up without the backend; what is remembered is in it. */
function namesFrom(names: () => Promise<HostNames>): Names {
  return {
    canonicalName: async (host) => (await import('./lib/names/dns.ts')).systemDns().canonicalName(host.trim()),
    remembered: async () => (await names()).remembered(),
    forget: async () => (await names()).reset(),
  };
}

/** A command asks little, and every further connection costs it longer than its turn on the one it has. */
const ONE_CONNECTION: OpenOptions = {pool: 1};

interface OpenBackend {
  readonly backend: Backend;
  /** Stops saying that this process lives. Awaited before the backend is closed. */
  deregister(): Promise<void>;
}

/** Milliseconds after which a command that changes no server is worth being listed among those that run. */
const WORTH_LISTING = 1000;

/**
 * Opens, migrates and registers. Who changes servers is registered before its first change, so that nobody takes its recovery for
 * one of a dead process; others only if they last, and they do their work even where they cannot write.
 */
async function openRegistered(config: () => Promise<Config>, node: NodeId, composing: Composing): Promise<OpenBackend> {
  const {build, common, operation} = composing;
  const found = await config();
  const options = {
    appVersion: build.version,
    skip: found.SkipOrchestratorDatabaseUpdate,
    refuseIfNotDeployed: found.PanicIfDifferentDatabaseDeploy,
  };
  const reads = operation.changes === 'nothing';
  const backend = await openMigrated(
    found,
    {...options, warn: composing.warn},
    {
      ...(isService(operation) ? {} : ONE_CONNECTION),
      stale: reads ? 'if-cut-off' : 'never',
    },
  );
  if (backend.stale) composing.alert(`the database node ${backend.where} does not belong to a majority: what it says may be out of date`);
  if (backend.stale || isService(operation) || common['skip-continuous-registration'] === 'true')
    return {backend, deregister: () => Promise.resolve()};
  const registration = {me: node, mode: 'CLIMode', command: operation.name, version: build.version} as const;
  const start = (): Promise<Registered> => startNodeHealth(backend, registration, (_level, sentence) => composing.warn(sentence));
  if (operation.changes === 'servers') return {backend, deregister: (await start()).stop};
  return {backend, deregister: onceItLasts(start, composing.warn)};
}

interface Registered {
  readonly stop: () => Promise<void>;
}

/** Starts it after a while. @returns what undoes it, or keeps it from being started */
function onceItLasts(start: () => Promise<Registered>, warn: (sentence: string) => void): () => Promise<void> {
  let started: Promise<Registered | undefined> | undefined;
  const timer = setTimeout(() => {
    started = start().catch((error: unknown) => {
      warn(`this command does not show up in node_health: ${messageOf(error)}`);
      return undefined;
    });
  }, WORTH_LISTING).unref();
  return async () => {
    clearTimeout(timer);
    await (await started)?.stop();
  };
}

interface Migrating extends MigrateOptions {
  /** Told where a newer program has been at the backend. */
  warn(sentence: string): void;
}

async function openMigrated(config: Config, {warn, ...options}: Migrating, opening: OpenOptions = ONE_CONNECTION): Promise<Backend> {
  const [{openBackend}, {migrate}] = await Promise.all([import('./lib/store/open.ts'), import('./lib/store/migrations/migrate.ts')]);
  const backend = await openBackend(config, opening);
  try {
    const {warnings} = backend.stale ? {warnings: []} : await migrate(backend, options);
    warnings.forEach(warn);
    return backend;
  } catch (error) {
    await backend.close();
    throw error;
  }
}

async function deploy(config: Config, options: Migrating): Promise<void> {
  const backend = await openMigrated(config, options);
  await backend.close();
}

async function toSyslog({EnableSyslog, AuditToSyslog}: Config, {log, warn, env}: Composing): Promise<void> {
  const {auditToSyslog, openSyslog} = await import('./syslog.ts');
  const syslog = openSyslog(warn, env);
  if (EnableSyslog) log.tee?.(syslog.log);
  if (AuditToSyslog) auditToSyslog(syslog);
}

function loadOptions({common, env, operation}: Composing): LoadOptions {
  const overrides: Partial<Config> = {
    ...(common['topology-user'] === undefined ? {} : {MySQLTopologyUser: common['topology-user']}),
    ...(common['topology-password'] === undefined ? {} : {MySQLTopologyPassword: common['topology-password']}),
    ...(common['enable-database-update'] === 'true' ? {SkipOrchestratorDatabaseUpdate: false} : {}),
    ...(common['debug'] === 'true' ? {Debug: true} : {}),
  };
  return {
    path: common['config'],
    env,
    overrides,
    ignoreRaftSetup: common['ignore-raft-setup'] === 'true',
    listens: operation.name === serve.name,
  };
}

function load(loading: LoadOptions, {operation, warn}: Composing): LoadedConfig {
  const loaded = loadConfig(loading);
  if (!operation.name.startsWith('config ')) for (const notice of loaded.notices) warn(noticeLine(notice));
  return loaded;
}

/** Asks once and remembers the answer, also a failed one. */
function once<Value>(ask: () => Value): (() => Value) & {asked(): boolean} {
  let answer: {readonly value: Value} | null = null;
  const get = (): Value => (answer ??= {value: ask()}).value;
  return Object.assign(get, {asked: () => answer !== null});
}
