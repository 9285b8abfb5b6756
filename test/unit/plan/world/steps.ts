import type {Step, Weight} from '../../../../src/lib/plan/plan.ts';
import type {RelocationStep} from '../../../../src/lib/plan/relocation/plan.ts';
import type {TakeoverStep} from '../../../../src/lib/plan/takeover/plan.ts';
import {held, type Server, type World} from './world.ts';

export type AnyStep = Step | RelocationStep | TakeoverStep;

export interface Played {
  /** On whom a step that may fail did; the plan reports them. */
  readonly failed: readonly string[];
  /** A step that must not fail did; null when all were done. */
  readonly endedBy: string | null;
}

/** A step did not reach what it promises. */
class Failed extends Error {}

/** Does the steps of a plan one after the other, as each of them promises; `seen` is called after each. */
export function play(
  world: World,
  steps: readonly {readonly step: AnyStep; readonly weight: Weight; readonly stage: number}[],
  seen: (step: AnyStep) => void,
): Played {
  const failed: string[] = [];
  for (const {step, weight} of [...steps].sort((a, b) => a.stage - b.stage)) {
    try {
      doStep(world, step);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      if (weight === 'must') return {failed, endedBy: `${step.do} ${step.on.host}: ${error.message}`};
      if (weight === 'lost') failed.push(step.on.host);
    }
    seen(step);
  }
  return {failed, endedBy: null};
}

function doStep(world: World, step: AnyStep): void {
  const on = world.servers.get(step.on.host)!;
  // A dead source that cannot be closed is no failure.
  if (step.do === 'close-source' && !on.alive) return;
  if (!on.alive) throw new Failed('it is dead');
  switch (step.do) {
    case 'close-source':
      on.readOnly = true;
      return;
    case 'stop-receiver':
      on.receives = false;
      return;
    case 'drain':
      on.receives = false;
      return drain(on);
    case 'catch-up':
      return catchUp(world, on, living(world, 'from' in step ? step.from.host : step.source.host));
    case 'repoint':
      return 'refetch' in step ? followAnyway(on, living(world, step.source.host)) : follow(on, living(world, step.source.host));
    case 'follow':
      return followAnyway(on, 'others' in step ? firstLiving(world, [step.source, ...step.others]) : living(world, step.source.host));
    case 'follow-same-log':
      if (step.source.host !== on.source) throw new Error('another source has another log');
      return follow(on, living(world, step.source.host));
    case 'prove':
      return prove(
        world,
        on,
        step.others.map(({on: {host}}) => host),
      );
    case 'make-writable':
      [on.receives, on.applies, on.readOnly] = [false, false, false];
      return;
    case 'open':
      on.readOnly = false;
      return;
    case 'stop-replication':
      [on.receives, on.applies] = [false, false];
      return;
    case 'forget-source':
      forget(on);
      return;
    case 'rejoin':
      return rejoin(on, living(world, step.source.host), 'start' in step ? step.start : true);
    case 'join-ring':
      return follow(on, living(world, step.source.host));
    case 'go-on':
      [on.receives, on.applies] = [true, true];
      return;
    case 'detach':
      [on.receives, on.applies] = [false, false];
      return;
    case 'prepare':
    case 'release':
    case 'semi-sync':
      return;
    default:
      throw new Error(`${step.do} is no step by GTID`);
  }
}

function living(world: World, name: string): Server {
  const server = world.get(name);
  if (!server?.alive) throw new Failed(`${name} is dead`);
  return server;
}

function firstLiving(world: World, keys: readonly {readonly host: string}[]): Server {
  const found = keys.map(({host}) => world.get(host)).find((server) => server?.alive);
  if (!found) throw new Failed('nobody is left to follow');
  return found;
}

/** Applies what it received, or fails and keeps it. */
function drain(on: Server): void {
  on.applies = true;
  if (on.waiting.size === 0) return;
  if (on.broken) throw new Failed('its applier fails');
  if (on.late) throw new Failed('it is late on purpose');
  [on.executed, on.waiting] = [held(on), new Set()];
}

function catchUp(world: World, on: Server, from: Server): void {
  const lacking = [...from.executed].some((one) => !held(on).has(one));
  if (lacking && on.broken) throw new Failed('its applier fails');
  drain(on);
  if (on.source !== from.name) point(on, from);
  world.receive(on);
  drain(on);
}

/** Drained, then pointed. */
function follow(on: Server, source: Server): void {
  drain(on);
  point(on, source);
}

/** What cannot be applied in time is dropped, provided that the source has it. */
function followAnyway(on: Server, source: Server): void {
  const refetched = [...on.waiting].every((one) => source.executed.has(one));
  if (refetched && (on.late || on.broken)) on.waiting = new Set();
  follow(on, source);
}

function point(on: Server, source: Server): void {
  if (source === on) throw new Error(`${on.name} is pointed at itself`);
  // The server drops its relay log.
  [on.source, on.waiting, on.receives, on.applies] = [source.name, new Set(), true, true];
}

function forget(on: Server): void {
  [on.source, on.waiting, on.receives, on.applies] = [null, new Set(), false, false];
}

function prove(world: World, on: Server, others: readonly string[]): void {
  for (const name of others) {
    const other = world.get(name);
    const lacking = other?.alive ? [...other.waiting].filter((one) => !on.executed.has(one)) : [];
    if (lacking.length > 0) throw new Failed(`it lacks what ${name} received: ${lacking.join(' ')}`);
  }
}

function rejoin(on: Server, source: Server, start: boolean): void {
  if ([...on.executed].some((one) => !source.executed.has(one))) throw new Failed('it has transactions of its own');
  point(on, source);
  [on.readOnly, on.receives, on.applies] = [true, start, start];
}
