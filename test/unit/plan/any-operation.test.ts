import fc from 'fast-check';
import {expect, test} from 'vitest';
import {deeds, parents, undertake, type Deed, type Planned} from './world/deeds.ts';
import {play, type AnyStep} from './world/steps.ts';
import {held, World, type Server, type Transaction} from './world/world.ts';

/** How the world was before a plan was carried out. */
interface Before {
  readonly held: ReadonlyMap<string, ReadonlySet<Transaction>>;
  /** Who followed somebody who lived. */
  readonly followed: ReadonlySet<string>;
  /** All below the same top as whom the plan is about, the dead included. */
  readonly cluster: ReadonlySet<string>;
  readonly writable: number;
  /** Of the history of whom the plan is about, by those that followed it. */
  readonly received: ReadonlySet<Transaction>;
}

function before(world: World, plan: Planned): Before {
  const top = topOf(world, plan.failed ?? plan.steps[0]?.step.on.host ?? 'a');
  const cluster = new Set(world.all.map(({name}) => name).filter((name) => topOf(world, name) === top));
  const heirs = world.living.filter(({source}) => source === plan.failed);
  const history = world.get(plan.failed)?.executed ?? new Set();
  const fromFailed = heirs.flatMap((one) => [...held(one)]).filter((one) => history.has(one));
  return {
    held: new Map(world.living.map((one) => [one.name, held(one)])),
    followed: new Set(world.living.filter(({source}) => world.get(source)?.alive).map(({name}) => name)),
    cluster,
    writable: writers(world, cluster).length,
    received: new Set(fromFailed),
  };
}

function topOf(world: World, name: string): string {
  let at = name;
  for (let steps = 0; steps < world.servers.size; steps++) at = world.get(at)?.source ?? at;
  return at;
}

function writers(world: World, cluster: ReadonlySet<string>): readonly string[] {
  return world.living.filter(({name, readOnly, source}) => cluster.has(name) && !readOnly && source === null).map(({name}) => name);
}

/** What is wrong in the middle of a plan, after any of its steps. */
function wrongMeanwhile(world: World, was: Before): readonly string[] {
  const open = writers(world, was.cluster);
  return [
    ...(open.length > Math.max(1, was.writable) ? [`${open.join(' and ')} take writes`] : []),
    ...world.all.filter((one) => isInRing(world, one)).map(({name}) => `${name} follows itself`),
    ...world.living.flatMap((one) => dropped(world, one, was)),
  ];
}

/** Transactions that it writes would come back to it: somebody who is about to forget a source does not count. */
function isInRing(world: World, from: Server): boolean {
  const next = ({receives, source}: Server): Server | undefined => (receives ? world.get(source) : undefined);
  let at = next(from);
  for (let steps = 0; at && steps < world.servers.size; steps++) {
    if (at === from) return true;
    at = next(at);
  }
  return false;
}

/** Received before, and neither there any more nor to be had from its source. */
function dropped(world: World, server: Server, was: Before): readonly string[] {
  const source = world.get(server.source);
  const has = (one: Transaction): boolean => held(server).has(one) || (source?.alive === true && held(source).has(one));
  const gone = [...(was.held.get(server.name) ?? [])].filter((one) => !has(one));
  return gone.length === 0 ? [] : [`${server.name} dropped ${gone.join(' ')}`];
}

/** What is wrong once a plan has been done to its end. */
function wrongAfterwards(world: World, {plan, was, failed}: {plan: Planned; was: Before; failed: readonly string[]}): readonly string[] {
  const named = new Set([...plan.named, ...failed]);
  const follows = (one: Server): boolean => world.get(one.source)?.alive === true;
  const behind = world.living.filter((one) => {
    const meant = was.followed.has(one.name) || (one.source !== null && one.source === plan.failed);
    return meant && one.source !== null && !follows(one) && !named.has(one.name);
  });
  const successor = world.get(plan.successor);
  const open = writers(world, was.cluster).join();
  const lacking = plan.kind === 'promote' && successor ? [...was.received].filter((one) => !successor.executed.has(one)) : [];
  return [
    ...behind.map(({name, source}) => `${name} is left behind ${source}`),
    ...(lacking.length > 0 ? [`${successor?.name} lacks ${lacking.join(' ')}`] : []),
    ...(['promote', 'takeover'].includes(plan.kind) && open !== plan.successor ? [`writable is ${open}`] : []),
  ];
}

/** Nothing came between: a promotion that could not be carried out should not have been planned. A takeover is taken back. */
function wrongToEnd({kind}: Planned, endedBy: string): readonly string[] {
  return kind === 'promote' ? [`ended by ${endedBy}`] : [];
}

interface Told {
  readonly planned: Map<string, number>;
  readonly steps: Set<string>;
}

/** Lets all that happen, one after the other, and looks at every plan and every step of it. */
function live(world: World, what: readonly Deed[], told: Told): void {
  for (const deed of what) {
    const plan = undertake(world, deed);
    if (!plan) continue;
    told.planned.set(plan.kind, (told.planned.get(plan.kind) ?? 0) + 1);
    const was = before(world, plan);
    const story = (): string =>
      plan.steps.map(({stage, step}) => `${stage} ${step.do} ${step.on.host}${'source' in step ? ` ${step.source.host}` : ''}`).join('; ');
    const look = (step: AnyStep): void => {
      told.steps.add(step.do);
      expect({after: step.do, of: deed.what, wrong: wrongMeanwhile(world, was), story: story()}).toEqual(
        expect.objectContaining({wrong: []}),
      );
    };
    const {failed, endedBy} = play(world, plan.steps, look);
    const wrong = endedBy === null ? wrongAfterwards(world, {plan, was, failed}) : wrongToEnd(plan, endedBy);
    expect({of: deed.what, wrong, story: story()}).toEqual(expect.objectContaining({wrong: []}));
  }
}

test('whatever happens to whatever tree: no plan drops what was received, leaves anybody behind silently, makes a ring or two writable sources', () => {
  const told: Told = {planned: new Map(), steps: new Set()};
  fc.assert(
    fc.property(parents, deeds, (tree, what) => live(new World(tree), what, told)),
    {numRuns: 1000},
  );
  // It proves nothing unless plans of every kind were made, many of them.
  for (const kind of ['promote', 'adopt', 'relocate', 'takeover']) expect([kind, (told.planned.get(kind) ?? 0) > 20]).toEqual([kind, true]);
  for (const step of ['drain', 'catch-up', 'prove', 'repoint', 'follow', 'make-writable', 'open', 'rejoin'])
    expect(told.steps).toContain(step);
});
