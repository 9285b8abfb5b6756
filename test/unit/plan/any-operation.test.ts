import fc from 'fast-check';
import {expect, test} from 'vitest';
import {deeds, parents, undertake, type Deed, type Planned} from './world/deeds.ts';
import {play, type AnyStep} from './world/steps.ts';
import {mariadb, mysql, positions, type Family} from './world/families.ts';
import {held, World, type Server, type Transaction} from './world/world.ts';

/** How the world was before a plan was carried out. */
interface Before {
  readonly held: ReadonlyMap<string, ReadonlySet<Transaction>>;
  /** Who followed somebody who lived. */
  readonly followed: ReadonlySet<string>;
  /** Who did so with both threads. */
  readonly replicated: ReadonlySet<string>;
  /** What would never come to whom. */
  readonly skipped: ReadonlyMap<string, ReadonlySet<Transaction>>;
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
    replicated: new Set(world.living.filter((one) => world.replicates(one)).map(({name}) => name)),
    skipped: new Map(world.living.map((one) => [one.name, new Set(world.skipped(one))])),
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
    ...world.living.flatMap((one) => {
      const more = world.skipped(one).filter((transaction) => !was.skipped.get(one.name)?.has(transaction));
      return more.length > 0 ? [`${one.name} goes on below ${one.source} behind ${more.join(' ')}`] : [];
    }),
    ...world.wrongs.splice(0),
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

/** Received before, and neither there any more nor to be had from above. */
function dropped(world: World, server: Server, was: Before): readonly string[] {
  const above = sourcesOf(world, server);
  const has = (one: Transaction): boolean => [server, ...above].some((holder) => held(holder).has(one));
  const gone = [...(was.held.get(server.name) ?? [])].filter((one) => !has(one));
  return gone.length === 0 ? [] : [`${server.name} dropped ${gone.join(' ')}`];
}

/** Those whose transactions come to it sooner or later: they live and receive, as far up as that goes. */
function sourcesOf(world: World, server: Server): readonly Server[] {
  const found: Server[] = [];
  for (let next = world.get(server.source); next?.alive && !found.includes(next); next = next.receives ? world.get(next.source) : undefined)
    found.push(next);
  return found;
}

/** What is wrong once a plan has been done to its end. */
function wrongAfterwards(world: World, {plan, was, failed}: {plan: Planned; was: Before; failed: readonly string[]}): readonly string[] {
  const named = new Set([...plan.named, ...failed]);
  const follows = (one: Server): boolean => world.get(one.source)?.alive === true;
  const isReplacement = ['promote', 'takeover'].includes(plan.kind);
  const behind = world.living.filter((one) => {
    const meant = was.followed.has(one.name) || (one.source !== null && one.source === plan.failed);
    const stopped = was.replicated.has(one.name) && !world.replicates(one) && !(one.broken && world.hasErrant(one));
    // The old source may live on below its successor: nobody follows it any more.
    const stayed = isReplacement && one.source === plan.failed;
    return one.source !== null && ((meant && !follows(one)) || stopped || stayed) && !named.has(one.name);
  });
  const successor = world.get(plan.successor);
  const open = writers(world, was.cluster).join();
  const lacking = plan.kind === 'promote' && successor ? [...was.received].filter((one) => !successor.executed.has(one)) : [];
  return [
    ...behind.map(({name, source}) => `${name} is left behind ${source}`),
    ...(lacking.length > 0 ? [`${successor?.name} lacks ${lacking.join(' ')}`] : []),
    ...(isReplacement && open !== plan.successor ? [`writable is ${open}`] : []),
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

interface Case {
  readonly what: string;
  readonly family: Family;
  readonly runs: number;
  /** Plans that have to be made often, and steps that have to be done: else it proves nothing. */
  readonly kinds: readonly Planned['kind'][];
  readonly steps: readonly AnyStep['do'][];
}

/** PROPERTY_RUNS=20000: so many others, each time different ones, to look for what nobody thought of; the usual ones are always the same. */
const MORE = Number(process.env['PROPERTY_RUNS'] ?? 0);

const BY_GTID: Pick<Case, 'kinds' | 'steps'> = {
  kinds: ['promote', 'adopt', 'relocate', 'takeover'],
  steps: ['drain', 'catch-up', 'prove', 'repoint', 'follow', 'make-writable', 'open', 'rejoin'],
};

test.each<Case>([
  {what: 'MySQL by GTID', family: mysql, runs: 400, ...BY_GTID},
  {what: 'MariaDB by GTID in two domains', family: mariadb(false), runs: 400, ...BY_GTID},
  {what: 'MariaDB in strict mode', family: mariadb(true), runs: 400, ...BY_GTID},
  {
    what: 'file and position',
    family: positions,
    runs: 600,
    kinds: ['relocate', 'promote', 'takeover'],
    steps: ['hold', 'level', 'climb', 'settle-below', 'settle-at', 'go-on', 'follow-same-log', 'note-place', 'place', 'rejoin'],
  },
])(
  '$what: whatever happens to whatever tree, no plan drops or skips what was received, leaves anybody behind silently, makes a ring or two writable sources',
  ({family, runs, kinds, steps}) => {
    const told: Told = {planned: new Map(), steps: new Set()};
    fc.assert(
      fc.property(parents, deeds, (tree, what) => live(new World(tree, family), what, told)),
      MORE ? {numRuns: MORE} : {numRuns: runs, seed: 1},
    );
    for (const kind of kinds) expect([kind, (told.planned.get(kind) ?? 0) > 20]).toEqual([kind, true]);
    expect([...told.steps]).toEqual(expect.arrayContaining([...steps]));
  },
  60_000,
);
