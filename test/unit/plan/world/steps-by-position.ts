import type {Step} from '../../../../src/lib/plan/plan.ts';
import type {RelocationStep} from '../../../../src/lib/plan/relocation/plan.ts';
import type {TakeoverStep} from '../../../../src/lib/plan/takeover/plan.ts';
import type {AnyStep} from './steps.ts';
import {Failed, living, mustReplicate} from './threads.ts';
import {coordinates, placeOf, type Server, type World} from './world.ts';

const STEPS = ['note-place', 'place', 'hold', 'level', 'climb', 'settle-below', 'settle-at', 'go-on', 'follow-same-log'] as const;

type ByPosition = Extract<RelocationStep | Step, {readonly do: (typeof STEPS)[number]}>;

export function isByPosition(step: AnyStep): step is ByPosition {
  return (STEPS as readonly string[]).includes(step.do);
}

/** Does one step that rests on files and positions, and sees what such a step makes sure of before it changes anything. */
export function byPosition(world: World, on: Server, step: ByPosition): void {
  if (on.source === null) throw new Failed('it is not a replica any more');
  switch (step.do) {
    case 'note-place':
      return notePlace(world, on, {stands: living(world, step.stands.host), source: step.source.host});
    case 'place':
      return place(world, on, step.source.host);
    case 'hold':
      on.applies = false;
      return;
    case 'level':
      return level(
        world,
        on,
        step.among.map(({host}) => living(world, host)),
      );
    case 'climb':
      return climb(world, on, {over: living(world, step.over.host), source: step.source.host});
    case 'settle-below':
      return settleBelow(world, on, living(world, step.source.host));
    case 'settle-at':
      return settleAt(world, on, {source: step.source.host, from: placeOf(step.from), at: placeOf(step.at)});
    case 'go-on':
      return goOn(world, on, step.source.host);
    case 'follow-same-log':
      if (step.source.host !== on.source) throw new Error('another source has another log');
      return goOn(world, on, step.source.host);
    default:
      throw new Error(String(step satisfies never));
  }
}

/** Whoever is opened is closed then, and has applied all that the other did. */
function notePlace(world: World, on: Server, {stands, source}: {readonly stands: Server; readonly source: string}): void {
  if (stands.source !== source) throw new Failed(`${stands.name} follows ${stands.source}`);
  on.readOnly = true;
  world.equivalences.push([
    {name: source, place: stands.place},
    {name: on.name, place: on.executed.size},
  ]);
}

/** What is received is applied, of a source that lives also what it has. */
export function place(world: World, on: Server, source: string): void {
  if (on.source === null) throw new Failed('it is not a replica any more');
  if (on.source === source) return goOn(world, on, source);
  if (on.broken) throw new Failed('its applier fails');
  if (world.get(on.source)?.alive) {
    on.receives = true;
    world.receive(on);
  }
  [on.receives, on.applies] = [false, true];
  world.apply(on);
  if (on.broken || on.waiting.size > 0) throw new Failed('it does not apply all it received');
  const at = world.equivalent(on.source, coordinates(on.place), source);
  on.applies = false;
  if (!at) throw new Failed(`nobody knows where it would go on below ${source}`);
  point(on, source, placeOf(at));
  goOn(world, on, source);
}

/** By file and position the steps of a takeover rest on where both logs end while the source is closed. */
export function takeOver(world: World, on: Server, step: TakeoverStep): boolean {
  switch (step.do) {
    case 'catch-up': {
      const source = living(world, step.source.host);
      [on.receives, on.applies] = [true, true];
      world.receive(on);
      world.apply(on);
      if (on.place < source.executed.size) throw new Failed('it did not catch up');
      world.equivalences.push([
        {name: source.name, place: source.executed.size},
        {name: on.name, place: on.executed.size},
      ]);
      return true;
    }
    case 'repoint':
      place(world, on, step.source.host);
      return true;
    case 'rejoin': {
      const at = world.equivalent(on.name, coordinates(on.executed.size), step.source.host);
      if (!at) throw new Failed('it was written to after it was closed');
      point(on, step.source.host, placeOf(at));
      [on.readOnly, on.receives, on.applies] = [true, step.start, step.start];
      return true;
    }
    default:
      return false;
  }
}

function mustBeOnHold(on: Server): void {
  if (on.applies || on.broken) throw new Failed(`${on.name} is not on hold`);
}

function level(world: World, on: Server, among: readonly Server[]): void {
  mustBeOnHold(on);
  const furthest = Math.max(...among.filter(({source, broken}) => source === on.source && !broken).map(({place}) => place));
  if (on.place >= furthest) return;
  world.receive(on);
  on.applies = true;
  world.apply(on, furthest - on.place);
  on.applies = false;
  if (on.place < furthest) throw new Failed('it did not come that far in time');
}

function climb(world: World, on: Server, {over, source}: {readonly over: Server; readonly source: string}): void {
  if (on.source === source) return;
  mustBeOnHold(over);
  if (over.source !== source) throw new Failed(`${over.name} follows ${over.source}`);
  [on.receives, on.applies] = [true, true];
  world.receive(on);
  world.apply(on);
  if (on.place < over.executed.size) throw new Failed(`it did not apply the log of ${over.name}`);
  world.equivalences.push([
    {name: over.name, place: on.place},
    {name: source, place: over.place},
  ]);
  point(on, source, over.place);
}

function settleBelow(world: World, on: Server, target: Server): void {
  if (on.source === target.name) return;
  mustBeOnHold(on);
  mustBeOnHold(target);
  if (on.source !== target.source || on.place !== target.place) throw new Failed(`it does not stand where ${target.name} does`);
  // What it received beyond is fetched from the other, which has to have it.
  if (on.waiting.size > target.waiting.size) {
    target.receives = true;
    world.receive(target);
  }
  if (on.waiting.size > target.waiting.size) throw new Failed(`${target.name} has not received as much`);
  world.equivalences.push([
    {name: on.source ?? '', place: on.place},
    {name: target.name, place: target.executed.size},
  ]);
  point(on, target.name, target.executed.size);
}

function settleAt(world: World, on: Server, to: {readonly source: string; readonly from: number; readonly at: number}): void {
  if (on.source !== to.source) {
    on.applies = false;
    if (on.place !== to.from || on.waiting.size > 0) {
      on.applies = true;
      throw new Failed('it has gone on');
    }
    point(on, to.source, to.at);
  }
  goOn(world, on, to.source);
}

/** Leaves it stopped there. */
function point(on: Server, source: string, place: number): void {
  [on.source, on.place, on.waiting, on.receives, on.applies] = [source, place, new Set(), false, false];
}

function goOn(world: World, on: Server, source: string): void {
  [on.receives, on.applies] = [true, true];
  if (world.get(on.source)?.alive) mustReplicate(world, on);
  if (on.source !== source) throw new Failed(`it was not moved: it follows ${on.source}`);
}
