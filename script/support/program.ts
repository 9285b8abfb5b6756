import {execFile} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {promisify} from 'node:util';
import {guardedFolder, type GuardedFolder} from '../../test/sandbox/index.ts';
import {startService, type Service} from './service.ts';

const run = promisify(execFile);
const COMMAND_WITHIN = 60_000;

/** Keys of a configuration file. */
export type Settings = Readonly<Record<string, unknown>>;

/** The built program with one configuration, in a folder of its own that goes away with everything running in it, however we end. */
export class Program {
  readonly folder: string;
  readonly #guarded: GuardedFolder;
  readonly #loader: string;
  readonly #configuration: string;
  #services: readonly Service[] = [];

  private constructor(guarded: GuardedFolder, loader: string) {
    this.#guarded = guarded;
    this.#loader = loader;
    this.folder = guarded.path;
    this.#configuration = path.join(guarded.path, 'orchestrator.conf.json');
  }

  /** @param loader path of the bundle, as `build` gives it; by default it is asked to put one into the folder */
  static async open(loader: (folder: string) => string | Promise<string>): Promise<Program> {
    const guarded = await guardedFolder();
    try {
      return new Program(guarded, await loader(guarded.path));
    } catch (error) {
      await guarded.end();
      throw error;
    }
  }

  /** Writes the configuration that the next command or service reads. */
  configure(settings: Settings): void {
    writeFileSync(this.#configuration, `${JSON.stringify(settings, null, 2)}\n`, {mode: 0o600});
  }

  /** Program and arguments as `bin/orchestrator` has them, for whoever starts it by itself. */
  commandLine(args: readonly string[]): {readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv} {
    return {
      command: process.execPath,
      args: [
        args[0] === 'serve' ? '--max-semi-space-size=2' : '--min-semi-space-size=16',
        '--disable-warning=ExperimentalWarning',
        this.#loader,
        '--config',
        this.#configuration,
        ...args,
      ],
      env: {...process.env, ...this.#guarded.mark},
    };
  }

  /**
   * What a command prints.
   *
   * @throws Error with what it said on standard error
   */
  async run(...args: readonly string[]): Promise<string> {
    const line = this.commandLine(args);
    try {
      const {stdout} = await run(line.command, [...line.args], {env: line.env, timeout: COMMAND_WITHIN});
      return stdout;
    } catch (error) {
      const {stderr, message} = error as {stderr?: string; message: string};
      throw new Error(`orchestrator ${args.join(' ')} failed: ${(stderr || message).trim()}`, {cause: error});
    }
  }

  /** Starts `serve` and returns when it answers and leads. `port` is where the configuration lets it listen. */
  async serve(port: number, ...args: readonly string[]): Promise<Service> {
    const service = await startService(this.commandLine(['serve', ...args]), port);
    this.#services = [...this.#services, service];
    return service;
  }

  /** Ends its services and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop()));
    await this.#guarded.end();
  }
}
