import {loadConfig} from '../../../src/lib/config/load.ts';
import {takeOverAbandoned} from '../../../src/lib/coordination/lock/standstill.ts';
import {heartbeat} from '../../../src/lib/coordination/lock/hold.ts';
import {isContention} from '../../../src/lib/coordination/lock/contention.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../../src/lib/coordination/timing.ts';
import {atWork, environmentOf, type HandOptions} from '../../../src/lib/execute/by-hand.ts';
import type {Environment} from '../../../src/lib/execute/environment.ts';
import {resume} from '../../../src/lib/execute/resume.ts';
import {takeOverByHand, type TakeoverAnswer} from '../../../src/lib/execute/takeover/take-over.ts';
import {takeoverActs, takeoverActText} from '../../../src/lib/execute/takeover/document.ts';
import type {TakeoverCommand} from '../../../src/lib/plan/takeover/plan.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import {readInstances} from '../../../src/lib/store/instances.ts';
import {readOpenPlans} from '../../../src/lib/store/recovery/plans.ts';
import type {Instance} from '../../sandbox/index.ts';
import {quick} from '../../backend/support/coordination.ts';
import type {Site} from '../support/index.ts';

/** Ends the conductor as a crash would: nothing after it is done, its lock and its plan stay behind. */
export class Crash extends Error {}

export type Fault = (when: 'before' | 'after', act: string) => void | Promise<void>;

export interface TakeoverWanted {
  readonly from: Instance;
  readonly to: Instance;
  readonly command?: TakeoverCommand;
  /** Told the words of each act. */
  readonly fault?: Fault;
}

/** Takeovers in this process, which can be disturbed at each act. */
export interface Conductor {
  takeOver(wanted: TakeoverWanted): Promise<TakeoverAnswer>;
  /** Ends what a crash left behind, as the leader or a person would, but without waiting for five seconds. */
  settle(): ReturnType<typeof resume>;
  close(): Promise<void>;
}

export async function conductor(at: Site): Promise<Conductor> {
  const {config} = loadConfig({path: at.file, env: {}, overrides: {}});
  const backend = await openBackend(config, {pool: 2});
  const options: HandOptions = {
    config,
    backend,
    heartbeats: () => openBackend(config, {pool: 1}),
    me: makeNodeId(),
    log: () => undefined,
    audit: () => Promise.resolve(),
    resolve: (host) => Promise.resolve(host),
    learn: () => Promise.resolve(),
  };
  return {
    takeOver: async ({from, to, command = 'graceful-master-takeover-auto', fault}) => {
      const wish = {command, cluster: `${from.key.host}:${from.key.port}`, designated: to.key, killWriters: false, allowDataLoss: false};
      return takeOverByHand({...options, ...(fault ? {fault: await byWords({options, wish}, fault)} : {})}, {wish, noop: false, wait: 0});
    },
    settle: async () => {
      const [plan] = await readOpenPlans(backend);
      if (!plan) throw new Error('there is no open plan');
      const taken = await takeOverAbandoned(backend, {
        me: options.me,
        lockId: plan.lockId,
        timing: {...quick, attempt: defaultTiming.attempt},
      });
      if (taken === null || isContention(taken)) throw new Error('its lock could not be taken over');
      const hold = await heartbeat(backend, taken, defaultTiming);
      if (hold === null) throw new Error('its lock was lost');
      const heartbeats = await options.heartbeats();
      try {
        return await atWork(options, async (bench) => {
          bench.prober.model.begin(await readInstances(backend, config));
          return resume(environmentOf(options, {...bench, heartbeats}), plan, hold);
        });
      } finally {
        await heartbeats.close();
      }
    },
    close: () => backend.close(),
  };
}

/** Acts are known by number where faults are made, and by words where they are read. */
async function byWords(
  {options, wish}: {options: HandOptions; wish: Parameters<typeof takeOverByHand>[1]['wish']},
  fault: Fault,
): Promise<NonNullable<Environment['fault']>> {
  const planned = await takeOverByHand(options, {wish, noop: true, wait: 0});
  if (planned.outcome !== 'planned') throw new Error(JSON.stringify(planned));
  const acts = takeoverActs(planned.plan);
  return (when, {number}) => {
    const act = acts.find((one) => one.number === number)?.act;
    return act && fault(when, act.do === 'step' ? `${act.step.do}` : act.do === 'hooks' ? act.list : takeoverActText(act));
  };
}
