import {access, mkdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor} from '../sandbox/index.ts';
import type {Server} from './cluster/managed.ts';
import type {Node} from './cluster/node.ts';
import type {Stage} from './cluster/stage.ts';
import type {Disturbance, Wire} from './cluster/wire.ts';

export const FAULT_KINDS = [
  'leader-kill',
  'leader-term',
  'leader-stop',
  'leader-block',
  'node-clock',
  'source-kill',
  'source-stop',
  'source-flap',
  'candidate-kill',
  'replica-kill',
  'replica-stop',
  'backend-kill',
  'backend-stop',
  'backend-clock',
  'quorum-loss',
  'backend-failover',
  'proxy-astray',
  'cut-leader-backend',
  'cut-leader-source',
  'cut-replicas-source',
  'one-way',
  'delay',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export function pause(milliseconds: number): Promise<void> {
  return sleep(milliseconds).then(() => undefined);
}

/** All that can be done to a stage. What lasts is undone by `mend`. */
export class Faults {
  readonly #stage: Stage;
  readonly #cuts: {readonly wire: Wire; readonly who: string; readonly what: string; readonly how: Disturbance}[] = [];
  readonly #disturbed = new Set<string>();
  readonly #stopped = new Set<Server>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Names of servers that were ended, stopped or cut off. */
  get disturbed(): ReadonlySet<string> {
    return this.#disturbed;
  }

  async killServer(server: Server): Promise<void> {
    this.#disturbed.add(server.name);
    await server.instance.kill9();
  }

  stopServer(server: Server): void {
    this.#disturbed.add(server.name);
    this.#stopped.add(server);
    server.instance.pause();
  }

  resumeServer(server: Server): void {
    this.#stopped.delete(server);
    server.instance.resume();
  }

  /** Between a process and a server. */
  cut(who: string, server: Server, how: Disturbance = {silence: 'both'}): void {
    this.#disturb({wire: server.wire, who, what: `${who} and ${server.name}`, how});
  }

  /** Between one node and its backend. */
  cutBackend(node: Node, how: Disturbance = {silence: 'both'}): void {
    this.#disturb({wire: node.wire, who: '', what: `${node.name} and its backend`, how});
  }

  #disturb(cut: {readonly wire: Wire; readonly who: string; readonly what: string; readonly how: Disturbance}): void {
    this.#cuts.push(cut);
    cut.wire.disturb(cut.who, cut.how);
  }

  /**
   * Sees that what was done to the network met somebody.
   *
   * @throws Error naming a cut that kept nothing back: then nothing was tried, and whatever held proves nothing
   */
  mustHaveBeenFelt(): void {
    const silent = this.#cuts.filter(({how}) => how.silence);
    const late = this.#cuts.filter(({how}) => !how.silence);
    const missed = silent.find(({wire, who}) => wire.felt(who) === 0);
    if (missed) throw new Error(`Nothing was kept back between ${missed.what}.`);
    if (late.length > 0 && late.every(({wire, who}) => wire.felt(who) === 0)) throw new Error('Nothing was late.');
  }

  healWires(): void {
    this.#cuts.length = 0;
    for (const {wire} of [...this.#stage.nodes, ...this.#stage.servers]) wire.heal();
  }

  /** Ends what lasts: wires, stopped processes, dead nodes, the backend. Dead servers of clusters stay dead. */
  async mend(): Promise<void> {
    this.healWires();
    for (const server of this.#stopped) server.instance.resume();
    for (const node of this.#stage.nodes) node.resume();
    await this.#stage.backend.revive();
    for (const node of this.#stage.nodes) {
      if (node.isClockOff) await node.setClock(0).then(() => node.stop());
      if (!node.alive) await node.start();
    }
  }
}

/** What a recovery is made to meet in its middle: before its first change of a server, when its plan is written down. */
export type Trap = 'stop' | 'kill' | 'wait';

/** On a machine so busy that leadership is lost and won again before a recovery is planned. */
const SPRUNG_WITHIN = 90_000;

/** The hook before a failover, as configured on every node; it does nothing unless a trap is set. */
export class Traps {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, 'traps');
  }

  /** None is set: whoever waits in one goes on. */
  async prepare(): Promise<void> {
    await rm(this.#folder, {recursive: true, force: true});
    await mkdir(this.#folder, {recursive: true});
  }

  /** `$PPID` is the node. */
  get hook(): string {
    const trap = (name: Trap): string => `'${this.#path(name)}'`;
    return [
      `if rm ${trap('stop')} 2>/dev/null; then touch '${this.#reached}'; kill -STOP $PPID; fi`,
      `if rm ${trap('kill')} 2>/dev/null; then touch '${this.#reached}'; kill -KILL $PPID; fi`,
      `if test -e ${trap('wait')}; then touch '${this.#reached}'; while test -e ${trap('wait')}; do sleep 0.05; done; fi`,
    ].join('; ');
  }

  async set(trap: Trap): Promise<void> {
    await writeFile(this.#path(trap), '');
  }

  async lift(trap: Trap): Promise<void> {
    await rm(this.#path(trap), {force: true});
  }

  /** Waits until a recovery has run into it. */
  async sprung(within = SPRUNG_WITHIN): Promise<void> {
    await waitFor('a recovery has come to its first hook', () => access(this.#reached).then(() => true), {within});
  }

  get #reached(): string {
    return join(this.#folder, 'reached');
  }

  #path(trap: Trap): string {
    return join(this.#folder, trap);
  }
}
