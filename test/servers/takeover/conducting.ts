import type {HandOptions} from '../../../src/lib/execute/by-hand.ts';
import type {Environment} from '../../../src/lib/execute/environment.ts';
import type {resume} from '../../../src/lib/execute/resume.ts';
import {takeOverByHand, type TakeoverAnswer} from '../../../src/lib/execute/takeover/take-over.ts';
import {takeoverActs, takeoverActText, type TakeoverAct} from '../../../src/lib/execute/takeover/document.ts';
import type {TakeoverCommand} from '../../../src/lib/plan/takeover/plan.ts';
import type {Instance} from '../../sandbox/index.ts';
import {hands, type Site} from '../support/index.ts';

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
  const {options, settle, close} = await hands(at);
  return {
    takeOver: async ({from, to, command = 'graceful-master-takeover-auto', fault}) => {
      const wish = {command, cluster: `${from.key.host}:${from.key.port}`, designated: to.key, killWriters: false, allowDataLoss: false};
      return takeOverByHand({...options, ...(fault ? {fault: await byWords({options, wish}, fault)} : {})}, {wish, noop: false, wait: 0});
    },
    settle,
    close,
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
    return act && fault(when, actName(act));
  };
}

/** What a fault is told. */
export function actName(act: TakeoverAct): string {
  return act.do === 'step' ? act.step.do : act.do === 'hooks' ? act.list : takeoverActText(act);
}
