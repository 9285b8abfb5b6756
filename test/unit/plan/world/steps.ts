import type {Step, Weight} from '../../../../src/lib/plan/plan.ts';
import type {RelocationStep} from '../../../../src/lib/plan/relocation/plan.ts';
import type {TakeoverStep} from '../../../../src/lib/plan/takeover/plan.ts';
import {byPosition, isByPosition, takeOver} from './steps-by-position.ts';
import {Failed, living, mustReplicate} from './threads.ts';
import {held, type Server, type World} from './world.ts';

export type AnyStep = Step | RelocationStep | TakeoverStep;

export interface Played {
  /** On whom a step that may fail did; the plan reports them. */
  readonly failed: readonly string[];
  /** A step that must not fail did; null when all were done. */
  readonly endedBy: string | null;
}

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
    } finally {
      world.rest();
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
  if (isByPosition(step)) return byPosition(world, on, step);
  if (world.family.kind.gtid === false && takeOver(world, on, step as TakeoverStep)) return;
  switch (step.do) {
    case 'close-source':
      on.readOnly = true;
      return;
    case 'stop-receiver':
      return stopReceiving(world, on);
    case 'drain':
      return drain(world, on);
    case 'catch-up':
      return catchUp(world, on, living(world, 'from' in step ? step.from.host : step.source.host));
    case 'repoint':
      return 'refetch' in step
        ? followAnyway(world, on, living(world, step.source.host))
        : follow(world, on, living(world, step.source.host));
    case 'follow':
      return followFirst(world, on, 'others' in step ? [step.source, ...step.others] : [step.source]);
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
      return forget(on);
    case 'rejoin':
      return rejoin(world, on, {source: living(world, step.source.host), start: 'start' in step ? step.start : true});
    case 'detach':
      drain(world, on);
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

/** Where both threads being stopped once loses what was received, the applier runs first. */
function stopReceiving(world: World, on: Server): void {
  if (!on.receives) return;
  if (world.family.dropsRelayLog) startApplier(on);
  on.receives = false;
}

function startApplier(on: Server): void {
  if (on.broken) throw new Failed('its applier fails');
  on.applies = true;
}

/** Applies what it received, or fails and keeps it. */
function drain(world: World, on: Server): void {
  if (on.source === null) return;
  if (world.family.dropsRelayLog && !on.receives && (!on.applies || on.broken)) return;
  startApplier(on);
  on.receives = false;
  if (on.waiting.size === 0) return;
  if (on.late) throw new Failed('it is late on purpose');
  world.apply(on);
  if (on.broken) throw new Failed('its applier fails');
}

function catchUp(world: World, on: Server, from: Server): void {
  const lacking = [...from.executed].some((one) => !held(on).has(one));
  if (lacking && on.broken) throw new Failed('its applier fails');
  drain(world, on);
  if (on.source !== from.name) point(world, on, from);
  on.receives = true;
  world.receive(on);
  drain(world, on);
}

/** The first of these that lives and that it can follow. */
function followFirst(world: World, on: Server, keys: readonly {readonly host: string}[]): void {
  const [first, ...others] = keys;
  try {
    return followAnyway(world, on, living(world, first!.host));
  } catch (error) {
    if (!(error instanceof Failed) || others.length === 0) throw error;
    return followFirst(world, on, others);
  }
}

/** Drained, then pointed. */
function follow(world: World, on: Server, source: Server): void {
  drain(world, on);
  point(world, on, source);
  mustReplicate(world, on);
}

/** What cannot be applied in time is dropped, provided that the source has it; who cannot go on there is put back. */
function followAnyway(world: World, on: Server, source: Server): void {
  if (on.source === source.name && on.receives) {
    on.applies = true;
    return mustReplicate(world, on);
  }
  const {source: before, receives} = on;
  try {
    stopReceiving(world, on);
    const refetched = [...on.waiting].every((one) => source.executed.has(one));
    if (refetched && on.late) on.waiting = new Set();
    drain(world, on);
    // Whoever may not have come that far yet is waited for.
    settle(world, source);
    point(world, on, source);
    mustReplicate(world, on);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    [on.source, on.receives] = [before, receives];
    throw error;
  }
}

/** Lets time pass for a server and those above it. */
function settle(world: World, server: Server): void {
  const chain = [server];
  for (let next = world.get(server.source); next && !chain.includes(next); next = world.get(next.source)) chain.unshift(next);
  for (const one of chain) {
    world.receive(one);
    world.apply(one);
  }
}

function point(world: World, on: Server, source: Server): void {
  if (source === on) throw new Error(`${on.name} is pointed at itself`);
  // The server drops its relay log.
  [on.source, on.waiting, on.receives, on.applies] = [source.name, new Set(), true, true];
  world.family.pointed(on, {former: false});
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

function rejoin(world: World, on: Server, {source, start}: {readonly source: Server; readonly start: boolean}): void {
  if ([...on.executed].some((one) => !source.executed.has(one))) throw new Failed('it has transactions of its own');
  point(world, on, source);
  world.family.pointed(on, {former: true});
  [on.readOnly, on.receives, on.applies] = [true, start, start];
}
