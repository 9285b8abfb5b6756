import fc from 'fast-check';
import {analyze} from '../../../../src/lib/analysis/analyze.ts';
import type {InstanceKey} from '../../../../src/lib/model/instance-key.ts';
import {planRecovery} from '../../../../src/lib/plan/recovery.ts';
import {planRelocation} from '../../../../src/lib/plan/relocation/decide.ts';
import {planTakeover} from '../../../../src/lib/plan/takeover/decide.ts';
import type {TakeoverCommand} from '../../../../src/lib/plan/takeover/plan.ts';
import type {Weight} from '../../../../src/lib/plan/plan.ts';
import {key} from '../../support/given.ts';
import {configured} from '../../support/policy.ts';
import {wished} from '../relocation/support.ts';
import type {AnyStep} from './steps.ts';
import type {Server, World} from './world.ts';

/** What happens to servers by themselves; only who is open is written to. */
const EVENTS = [
  'write',
  'receive',
  'apply',
  'stop receiver',
  'stop applier',
  'go on',
  'break',
  'delay',
  'errant',
  'kill',
  'kill source',
  'kill intermediate',
] as const;
const RELOCATIONS = [
  'relocate',
  'relocate-replicas',
  'move-below',
  'move-equivalent',
  'move-gtid',
  'move-replicas-gtid',
  'move-up',
  'move-up-replicas',
] as const;
const TURNS = ['take-siblings', 'take-source', 'repoint', 'regroup', 'make-source', 'make-local-source'] as const;
const TAKEOVERS = ['graceful-master-takeover', 'graceful-master-takeover-auto', 'force-master-failover'] as const;

export interface Deed {
  readonly what: (typeof EVENTS)[number] | (typeof RELOCATIONS)[number] | (typeof TURNS)[number] | (typeof TAKEOVERS)[number] | 'recover';
  /** Which server, and which other one. */
  readonly on: number;
  readonly other: number;
  readonly count: number;
}

/** Anything that can happen; failures and their recoveries often. */
export const deeds: fc.Arbitrary<readonly Deed[]> = fc.array(
  fc.record({
    what: fc.oneof(
      {weight: 3, arbitrary: fc.constantFrom(...EVENTS)},
      {weight: 3, arbitrary: fc.constantFrom<Deed['what']>('write', 'receive', 'receive', 'apply', 'break')},
      {weight: 2, arbitrary: fc.constantFrom<Deed['what']>('kill source', 'kill intermediate', 'recover', 'recover')},
      {weight: 2, arbitrary: fc.constantFrom(...RELOCATIONS)},
      {weight: 1, arbitrary: fc.constantFrom(...TURNS)},
      {weight: 1, arbitrary: fc.constantFrom(...TAKEOVERS)},
    ),
    on: fc.nat(7),
    other: fc.nat(7),
    count: fc.integer({min: 1, max: 4}),
  }),
  {minLength: 3, maxLength: 14},
);

/** Each number is the place of somebody before, of whom this one is a replica. */
export const parents: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(3), {minLength: 2, maxLength: 6});

export interface Planned {
  readonly kind: 'promote' | 'adopt' | 'mend' | 'return' | 'relocate' | 'takeover';
  readonly steps: readonly {readonly step: AnyStep; readonly weight: Weight; readonly stage: number}[];
  /** Who is to be on top afterwards. */
  readonly successor: string | null;
  readonly failed: string | null;
  /** Whom the plan names as left behind, one way or the other. */
  readonly named: readonly string[];
}

const policy = configured();

/** Does what happens by itself; of what people ask for, the plan, or null where it is refused. */
export function undertake(world: World, deed: Deed): Planned | null {
  const on = world.all[deed.on % world.all.length]!;
  const other = world.all[deed.other % world.all.length]!;
  if (deed.what === 'recover') return recovery(world, deed.other);
  if (isOneOf(EVENTS, deed.what)) {
    const whom = meant(world, deed.what) ?? on;
    if (whom.alive) happen(world, whom, {what: deed.what, count: deed.count});
    world.rest();
    return null;
  }
  if (isOneOf(TAKEOVERS, deed.what)) return takeover(world, deed.what, other);
  const below = isOneOf(TURNS, deed.what) ? '' : ` below ${other.name}`;
  return relocation(world, `${deed.what} ${on.name}${below}`);
}

/** Whom an event is about that is not about anybody. */
function meant(world: World, what: (typeof EVENTS)[number]): Server | undefined {
  const follows = ({name}: Server): boolean => world.living.some(({source}) => source === name);
  if (what === 'write' || what === 'kill source') return world.living.find(({readOnly}) => !readOnly);
  return what === 'kill intermediate' ? world.living.find((one) => one.readOnly && follows(one)) : undefined;
}

function isOneOf<Word extends string>(words: readonly Word[], word: string): word is Word {
  return (words as readonly string[]).includes(word);
}

function happen(world: World, on: Server, {what, count}: {what: (typeof EVENTS)[number]; count: number}): void {
  switch (what) {
    case 'write':
      return on.readOnly ? undefined : world.write(on, count);
    case 'receive':
      return world.receive(on, count);
    case 'apply':
      return world.apply(on, count);
    case 'stop receiver':
      on.receives = false;
      return;
    case 'stop applier':
      on.applies = false;
      return;
    case 'go on':
      [on.receives, on.applies] = [on.source !== null, on.source !== null];
      return;
    case 'break':
      world.receive(on, count);
      on.broken = on.waiting.size > 0;
      return;
    case 'delay':
      on.late = on.source !== null;
      return;
    case 'errant':
      return on.source === null ? undefined : world.write(on, 1);
    case 'kill':
    case 'kill source':
    case 'kill intermediate':
      on.alive = false;
      return;
    default:
      throw new Error(String(what satisfies never));
  }
}

/** Of one of the findings that call for one. */
function recovery(world: World, which: number): Planned | null {
  const topology = world.look();
  const findings = analyze(topology, policy).filter(({recovery: how}) => !['none', 'detect-only'].includes(how));
  const finding = findings[which % Math.max(1, findings.length)];
  const decision = finding && planRecovery(finding, topology, policy);
  if (!decision?.act) return null;
  const {kind, steps, successor, failed, lost, remarks, candidates} = decision.plan;
  const told = candidates.filter(({verdict}) => verdict === 'cannot be reached').map((one) => one.key);
  return {kind, steps, successor: successor.host, failed: failed.host, named: [...hosts(lost), ...hosts(told), ...namedIn(remarks)]};
}

function relocation(world: World, wish: string): Planned | null {
  const decision = planRelocation({
    topology: world.look(),
    policy,
    wish: wished(wish),
    equivalent: ({source, at, target}) => world.equivalent(source.host, at, target.host),
  });
  if (!decision.act) return null;
  const {kind, steps, promoted, left, remarks} = decision.plan;
  return {kind, steps, successor: promoted?.host ?? null, failed: null, named: [...hosts(left.map((one) => one.key)), ...namedIn(remarks)]};
}

function takeover(world: World, command: TakeoverCommand, designated: Server): Planned | null {
  const topology = world.look();
  const source = topology.instances.find(({replication, readOnly}) => replication === null && !readOnly);
  const wish = {command, cluster: source?.cluster.name ?? '', designated: key(designated.name), killWriters: false, allowDataLoss: false};
  const decision = planTakeover({topology, policy, wish, busy: []});
  if (!decision.act) return null;
  const {kind, steps, successor, failed, lost, remarks} = decision.plan;
  return {kind, steps, successor: successor.host, failed: failed.host, named: [...hosts(lost), ...namedIn(remarks)]};
}

const hosts = (keys: readonly InstanceKey[]): readonly string[] => keys.map(({host}) => host);

/** Servers that sentences speak of. */
function namedIn(remarks: readonly string[]): readonly string[] {
  return remarks.flatMap((remark) => [...remark.matchAll(/\b([a-h]):3306/g)].map(([, name = '']) => name));
}
