import {expect} from 'vitest';
import {replicaStatus, waitFor, type Instance} from '../../../sandbox/index.ts';
import {detectionsAt, downtimesAt, recoveriesOf} from '../recoveries.ts';
import {rows} from '../site.ts';
import {standingOf, type Standing} from '../topology-now.ts';
import {idsIn} from './lines.ts';
import {address, WITHIN, type Stage} from './play.ts';
import type {Scenario} from './scenario.ts';
import type {Expectation} from './words.ts';

/** Compares what is there with `expect`, in its own words; what takes a moment to become true is waited for. */
export async function judge(stage: Stage): Promise<void> {
  const {expectations} = stage.scenario;
  judgeCommands(stage);
  for (const {verb, args} of expectations) await (STATED[verb] ?? (() => Promise.resolve()))(stage, args);
  const wanted = wantedState(stage);
  await waitFor('all is as expected', async () => complain(differences(await stateOf(stage, wanted), wanted)), {within: WITHIN});
  await waitFor('nobody is kept from working there', async () => complain(await leftBy(stage)), {within: WITHIN});
}

function complain(complaints: readonly string[]): true {
  if (complaints.length > 0) throw new Error(complaints.join('; '));
  return true;
}

function differences(found: Readonly<Record<string, State>>, wanted: Readonly<Record<string, State>>): readonly string[] {
  return Object.entries(wanted).flatMap(([name, state]) =>
    (Object.keys(state) as (keyof State)[]).flatMap((key) =>
      found[name]?.[key] === state[key] ? [] : [`${name}: ${key} ${String(found[name]?.[key])} instead of ${String(state[key])}`],
    ),
  );
}

async function leftBy({at}: Stage): Promise<readonly string[]> {
  const [locks, plans] = [await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})];
  return [...locks, ...plans].map((row) => JSON.stringify(row));
}

/** Addresses of servers as their names. */
function named({servers}: Stage, text: string): string {
  return Object.entries(servers).reduce((so, [name, server]) => so.replaceAll(address(server), name), text);
}

function judgeCommands(stage: Stage): void {
  const {scenario, ended} = stage;
  const exits = of(scenario, 'exits')[0]?.[0]?.split(' ').map(Number);
  const told = ended.map(({stdout, stderr}) => named(stage, `${stdout}${stderr}`));
  expect({exits: ended.map(({status}) => status), told}).toEqual({exits: exits ?? ended.map(() => 0), told});
  const printed = named(stage, ended.map(({stdout}) => stdout).join(''));
  for (const [wanted = ''] of of(scenario, 'prints')) {
    const pattern = /^\/(.+)\/$/.exec(wanted)?.[1];
    if (pattern === undefined) expect(printed.split('\n')).toContain(wanted);
    else expect(printed).toMatch(new RegExp(pattern));
  }
  const said = named(stage, ended.map(({stderr}) => stderr).join(''));
  for (const [pattern = ''] of of(scenario, 'says')) expect(said).toMatch(new RegExp(pattern.slice(1, -1)));
}

function of({expectations}: Scenario, verb: Expectation): readonly (readonly string[])[] {
  return expectations.filter((line) => line.verb === verb).map(({args}) => args);
}

/** What is judged by itself, when all commands have ended. */
const STATED: Partial<Record<Expectation, (stage: Stage, args: readonly string[]) => Promise<void>>> = {
  finding: async ({at, box}, [code = '', name = '']) => {
    expect(await detectionsAt(at)).toContain(`${code} of ${box.get(name).key.port}`);
  },
  recovery: async (stage, [code = '', failed = '', successor = '']) => {
    const found = (await recoveriesOf(stage.at)).map(
      (row) => `${row.analysis} ${nameAt(stage, row.port)} ${row.is_successful === 1 ? nameAt(stage, row.successor_port) : 'nobody'}`,
    );
    expect(found).toContain(`${code} ${failed} ${successor}`);
  },
  'no-recovery': async ({at}) => expect(await recoveriesOf(at)).toEqual([]),
  lost: async (stage, [names = '']) => {
    const lost = (await recoveriesOf(stage.at)).map((row) => named(stage, row.lost_slaves)).join();
    expect(lost.split(',').filter(Boolean).sort()).toEqual(names.split(' ').filter(Boolean).sort());
  },
  downtimed: async (stage, [names = '']) => {
    const ports = Object.keys(await downtimesAt(stage.at));
    expect(ports.map((port) => nameAt(stage, Number(port))).sort()).toEqual(names.split(' ').filter(Boolean).sort());
  },
  hooks: async ({at}, [lists = '']) => expect(await at.hooks.order()).toEqual(lists.split(' ')),
  untouched: async ({witness}) => expect(await witness?.changes()).toEqual([]),
  'as-planned': (stage) => donePlan(stage),
};

function nameAt({servers}: Stage, port: number | null): string {
  return Object.values(servers).find(({key}) => key.port === port)?.name ?? String(port);
}

/** The steps that a dry run printed are in the journal of what was done after it, in this order, and no others on servers. */
async function donePlan(stage: Stage): Promise<void> {
  const printed = stage.ended.flatMap(({stdout}) => [...named(stage, stdout).matchAll(/^stage \d+: (.*)$/gm)].map(([, step = '']) => step));
  const plans = await rows<{uid: string}>(stage.at, 'recovery_plan');
  const steps = await rows<{uid: string; step_number: number; description: string}>(stage.at, 'recovery_plan_step', {
    uid: plans.at(-1)?.uid,
  });
  const done = [...steps].sort((one, other) => one.step_number - other.step_number).map(({description}) => named(stage, description));
  expect(done.filter((line) => printed.includes(line))).toEqual(printed);
  expect(printed.length).toBeGreaterThan(0);
}

/** A server in words such as `follows a, idle; writable; rows 1,2,3`. */
interface State {
  readonly follows?: string;
  readonly writable?: boolean;
  readonly rows?: string;
}

/** Of every server that runs, what `expect` says of it. */
function wantedState(stage: Stage): Readonly<Record<string, State>> {
  const {scenario} = stage;
  const {after} = scenario;
  const running = runningOf(stage);
  const names = (verb: Expectation): ReadonlySet<string> => new Set(of(scenario, verb).flatMap(([list = '']) => list.split(' ')));
  const [idle, detached, writable] = [names('idle'), names('detached'), names('writable')];
  const judgesWriting = of(scenario, 'writable').length > 0;
  return Object.fromEntries(
    running.map(({name}) => {
      const source = after?.edges.find((edge) => edge.replica === name)?.source ?? '-';
      const ids = of(scenario, 'rows').findLast(([, on = '']) => on === '' || on.split(' ').includes(name))?.[0];
      const state: State = {
        ...(after ? {follows: `${source}${idle.has(name) ? ', idle' : ''}${detached.has(name) ? ', detached' : ''}`} : {}),
        ...(judgesWriting ? {writable: writable.has(name)} : {}),
        ...(ids === undefined ? {} : {rows: idsIn(ids).join()}),
      };
      return [name, state];
    }),
  );
}

async function stateOf(stage: Stage, wanted: Readonly<Record<string, State>>): Promise<Readonly<Record<string, State>>> {
  const entries = await Promise.all(
    runningOf(stage).map(async (instance) => [instance.name, await stateOfOne(stage, instance, wanted[instance.name] ?? {})] as const),
  );
  return Object.fromEntries(entries);
}

async function stateOfOne(stage: Stage, instance: Instance, wanted: State): Promise<State> {
  const standing = await standingOf(instance);
  return {
    ...(wanted.follows === undefined ? {} : {follows: await followed(stage, standing)}),
    ...(wanted.writable === undefined ? {} : {writable: standing.writable}),
    ...(wanted.rows === undefined ? {} : {rows: standing.ids.join()}),
  };
}

async function followed(stage: Stage, {instance, source, receiver, applier}: Standing): Promise<string> {
  if (source === null) return '-';
  const [status] = await replicaStatus(instance);
  const away = status?.source.host.startsWith('//') ?? false;
  const idle = receiver === 'Yes' && applier === 'Yes' ? '' : ', idle';
  return `${nameAt(stage, source)}${idle}${away ? ', detached' : ''}`;
}

/** Those that can be asked: a paused one runs, and says nothing. */
function runningOf({box, scenario}: Stage): readonly Instance[] {
  const paused = new Set<string>();
  for (const {verb, args} of scenario.steps) {
    if (verb === 'pause') paused.add(args[0] ?? '');
    if (verb === 'resume') paused.delete(args[0] ?? '');
  }
  return scenario.shape.names.map((name) => box.get(name)).filter((instance) => instance.alive() && !paused.has(instance.name));
}
