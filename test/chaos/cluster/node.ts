import {readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Config} from '../../../src/lib/config/keys.ts';
import {clockOff} from '../../sandbox/index.ts';
import {Service} from '../../servers/support/service.ts';
import type {Wire} from './wire.ts';

const STARTS = 3;
const STARTS_WITHIN = 20_000;

export interface NodeOptions {
  readonly name: string;
  /** Of its own; made already. */
  readonly folder: string;
  readonly mark: NodeJS.ProcessEnv;
  readonly settings: Partial<Config>;
  /** Of its HTTP interface. */
  readonly port: number;
  /** To its backend. */
  readonly wire: Wire;
  /** Where its process can be told to stand still from inside. */
  readonly inspectPort: number;
}

/** One machine of the service: its configuration and address stay while its process comes and goes. */
export class Node {
  readonly name: string;
  readonly port: number;
  readonly wire: Wire;
  readonly #options: NodeOptions;
  readonly #past: Service[] = [];
  #service: Service | null = null;
  #settings: Partial<Config> = {};
  #clock: NodeJS.ProcessEnv = {};
  #fault: NodeJS.ProcessEnv = {};

  constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
    this.wire = options.wire;
  }

  get alive(): boolean {
    return this.#service?.alive ?? false;
  }

  get pid(): number | null {
    return this.#service?.alive ? this.#service.pid : null;
  }

  /** All that its processes have written since `forget`. */
  get log(): string {
    return [...this.#past, ...(this.#service ? [this.#service] : [])].map(({log}) => log).join('');
  }

  get file(): string {
    return join(this.#options.folder, 'orchestrator.conf.json');
  }

  /** True when its process was started with a wrong clock. */
  get isClockOff(): boolean {
    return this.#clock['FAKETIME'] !== undefined;
  }

  /** For every start from now on: seconds by which its clock is fast, or slow; 0: as everybody's. */
  async setClock(seconds: number): Promise<void> {
    this.#clock = seconds === 0 ? {} : await clockOff(seconds);
  }

  /** For its next start alone: it stops, as by SIGSTOP, where a plan of its own has come to this act. */
  setFault(when: 'before' | 'after', act: number): void {
    this.#fault = {ORCHESTRATOR_FAULT: `${when}:${act}:stop`};
  }

  /** Whether its process stands still. */
  get standing(): boolean {
    return this.pid !== null && / [Tt] /.test(readFileSync(`/proc/${this.pid}/stat`, 'latin1').replace(/^.*\)/s, ''));
  }

  /**
   * Starts it and returns when it answers HTTP.
   *
   * @param settings beside its own; unless given those of its last start
   */
  async start(settings: Partial<Config> = this.#settings): Promise<void> {
    const {folder, mark} = this.#options;
    this.#settings = settings;
    await writeFile(this.file, JSON.stringify({...this.#options.settings, ...settings}, null, 2));
    for (let tries = 1; ; tries += 1) {
      if (this.#service) this.#past.push(this.#service);
      this.#service = new Service(['--config', this.file], {
        PATH: process.env['PATH'],
        HOME: folder,
        NODE_OPTIONS: `--inspect=127.0.0.1:${this.#options.inspectPort} --inspect-publish-uid=http`,
        ...mark,
        ...this.#clock,
        ...this.#fault,
      });
      try {
        await this.#service.says(/listening on http/, STARTS_WITHIN);
        this.#fault = {};
        return;
      } catch (error) {
        // As a supervisor does: its backend may not have been ready.
        if (tries === STARTS || this.#service.alive) throw error;
      }
    }
  }

  async kill9(): Promise<void> {
    if (this.alive) await this.#service?.kill9();
  }

  /** SIGTERM; returns when it has ended. */
  async stop(): Promise<void> {
    if (this.alive) await this.#service?.stop();
  }

  pause(): void {
    this.#service?.pause();
  }

  resume(): void {
    this.#service?.resume();
  }

  /** Keeps its event loop from turning: the process lives, and answers nothing. Returns at once. */
  async block(milliseconds: number): Promise<void> {
    if (!this.pid) throw new Error(`${this.name} does not run.`);
    const socket = new WebSocket(await this.#inspector());
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`The inspector of ${this.name} does not answer.`)));
    });
    const expression = `{const end = performance.now() + ${milliseconds}; while (performance.now() < end);}`;
    socket.addEventListener('message', () => socket.close());
    socket.send(JSON.stringify({id: 1, method: 'Runtime.evaluate', params: {expression}}));
  }

  /** Forgets what earlier processes wrote. */
  forget(): void {
    this.#past.length = 0;
    if (!this.alive) this.#service = null;
  }

  async #inspector(): Promise<string> {
    const url = `http://127.0.0.1:${this.#options.inspectPort}/json/list`;
    for (let tries = 0; ; tries += 1) {
      try {
        const [target] = (await (await fetch(url)).json()) as readonly {webSocketDebuggerUrl: string}[];
        if (target) return target.webSocketDebuggerUrl;
      } catch (error) {
        if (tries > 100) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
