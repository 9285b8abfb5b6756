import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {loadConfig} from '../../../src/lib/config/load.ts';
import type {Config} from '../../../src/lib/config/keys.ts';
import type {Topology} from '../../../src/lib/model/topology.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {recomputeAliases} from '../../../src/lib/store/aliases.ts';
import {upsertInstances} from '../../../src/lib/store/instances.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as people run it, in a folder of its own with a configuration and a backend of its own. */
export interface Cli {
  readonly folder: string;
  readonly config: Config;
  readonly dataFile: string;
  /** Runs it with these words; `--config` is added. */
  run(words: readonly string[] | string, env?: NodeJS.ProcessEnv): Promise<Ran>;
  /** The same backend, opened and migrated by the test itself. */
  backend(): Promise<Backend>;
  /** Puts instances into the backend as if they had just been probed. */
  seed(...topologies: readonly Topology[]): Promise<void>;
  down(): Promise<void>;
}

/** @param keys configuration beside the backend; polls are an hour apart, so that nothing seeded grows stale in a test */
export function cli(keys: Partial<Config> = {}): Cli {
  const folder = mkdtempSync(path.join(tmpdir(), 'cli-'));
  const dataFile = path.join(folder, 'orchestrator.sqlite');
  const file = path.join(folder, 'orchestrator.conf.json');
  const written = {BackendDB: 'sqlite', SQLite3DataFile: dataFile, ListenAddress: '127.0.0.1:0', InstancePollSeconds: 3600, ...keys};
  writeFileSync(file, JSON.stringify(written));
  const {config} = loadConfig({path: file, env: {}});
  let opened: Promise<Backend> | null = null;
  const backend = (): Promise<Backend> =>
    (opened ??= openBackend(config).then(async (found) => {
      await migrate(found, {appVersion: 'test'});
      return found;
    }));
  return {
    folder,
    config,
    dataFile,
    run: (words, env = {}) =>
      program(['--config', file, ...(typeof words === 'string' ? words.split(' ').filter(Boolean) : words)], folder, env),
    backend,
    async seed(...topologies) {
      const instances = topologies.flatMap((topology) => topology.instances);
      await upsertInstances(
        await backend(),
        instances.map((instance) => ({instance, startedAt: performance.now()})),
      );
      await recomputeAliases(await backend());
    },
    async down() {
      if (opened) await (await opened).close();
      rmSync(folder, {recursive: true, force: true});
    },
  };
}

/** Runs the bundle; ends it after 30 seconds. */
export function program(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const bin = process.env['ORCHESTRATOR_BIN'];
  if (bin === undefined) throw new Error('ORCHESTRATOR_BIN names no program; run the tests of this tier through vitest.config.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', bin, ...args], {
    cwd,
    env: {PATH: process.env['PATH'], HOME: cwd, ...env},
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const said = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve({status, ...said}));
  });
}

/** Splits a line like a shell would: words, "quoted words". */
export function words(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
}
