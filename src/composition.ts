import {randomBytes} from 'node:crypto';
import {hostname} from 'node:os';
import {loadConfig, type LoadedConfig, type LoadOptions} from './lib/config/load.ts';
import type {Config} from './lib/config/keys.ts';
import {noticeText} from './lib/config/notice.ts';
import {OrchestratorError} from './lib/errors/errors.ts';
import type {Build, Ports} from './lib/operations/context.ts';
import type {Texts} from './lib/operations/define.ts';
import type {Backend} from './lib/store/backend.ts';
import type {Opened} from './lib/surfaces/cli/program.ts';

export interface Composing {
  readonly build: Build;
  readonly env: NodeJS.ProcessEnv;
  /** For notices about the configuration, where somebody reads them. */
  warn(sentence: string): void;
}

/** Joins the rooms for one command line. Nothing is read or opened before an operation asks for it. */
export function compose(common: Texts, command: string, composing: Composing): Opened {
  const node = {hostname: hostname(), token: randomBytes(32).toString('hex')};
  const loading = loadOptions(common, composing.env);
  const loaded = once(() => load(loading, command, composing));
  const config = once(async (): Promise<Config> => loaded().config);
  const backend = once(() => openAndMigrate(config));
  const ports: Ports = {
    node,
    build: composing.build,
    loading,
    config,
    backend,
    resolveHost: (host) => Promise.resolve(host),
    discover: () => notYet('discover'),
    recover: () => notYet('recover'),
    serve: () => notYet('serve'),
    deploySchema: () => notYet('redeploy-internal-db'),
  };
  return {
    ports,
    async close() {
      if (backend.asked()) await (await backend()).close();
    },
  };
}

function notYet(what: string): Promise<never> {
  return Promise.reject(new OrchestratorError('NOT_SUPPORTED', `${what} is not part of this build`));
}

async function openAndMigrate(config: () => Promise<Config>): Promise<Backend> {
  const {openBackend} = await import('./lib/store/open.ts');
  return openBackend(await config());
}

function loadOptions(common: Texts, env: NodeJS.ProcessEnv): LoadOptions {
  const overrides: Partial<Config> = {
    ...(common['topology-user'] === undefined ? {} : {MySQLTopologyUser: common['topology-user']}),
    ...(common['topology-password'] === undefined ? {} : {MySQLTopologyPassword: common['topology-password']}),
    ...(common['enable-database-update'] === 'true' ? {SkipOrchestratorDatabaseUpdate: false} : {}),
    ...(common['debug'] === 'true' ? {Debug: true} : {}),
  };
  return {path: common['config'], env, overrides, ignoreRaftSetup: common['ignore-raft-setup'] === 'true'};
}

/** Cron mails every line, so notices go to services and terminals only; `composing.warn` knows which this is. */
function load(loading: LoadOptions, command: string, {warn}: Composing): LoadedConfig {
  const loaded = loadConfig(loading);
  if (!command.startsWith('config ')) for (const notice of loaded.notices) warn(noticeText(notice));
  return loaded;
}

/** Asks once and remembers the answer, also a failed one. */
function once<Value>(ask: () => Value): (() => Value) & {asked(): boolean} {
  let answer: {readonly value: Value} | null = null;
  const get = (): Value => (answer ??= {value: ask()}).value;
  return Object.assign(get, {asked: () => answer !== null});
}
