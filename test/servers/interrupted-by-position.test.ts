import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {recoverByHand} from '../../src/lib/execute/by-hand.ts';
import {actsOf} from '../../src/lib/execute/journal/acts.ts';
import {replicaStatus, sandbox, stopReplication, type Instance, type Sandbox} from '../sandbox/index.ts';
import {backendHost, Crash, hands, idsOn, insert, rows, site, topologyNow, type BackendHost, type Site} from './support/index.ts';
import {conductor, type Conductor} from './takeover/conducting.ts';
import {sameIds, taking, type Taking} from './takeover/taking.ts';

/** By file and position: conductors die around the moment in which a successor is opened, and others end what they began. */
let box: Sandbox;
let host: BackendHost;
beforeAll(async () => {
  [box, host] = await Promise.all([sandbox({flavor: 'mariadb'}), backendHost('sqlite')]);
});
afterAll(() => Promise.all([box?.down(), host?.down()]));

type When = 'before' | 'after';

async function nothingIsLeft(at: Site): Promise<void> {
  expect([await rows(at, 'cluster_lock'), await rows(at, 'recovery_plan', {state: 'open'})]).toEqual([[], []]);
}

describe('a takeover', () => {
  let all: Taking;
  let by: Conductor;
  let source: Instance;
  let next = 100;
  beforeAll(async () => {
    all = await taking({box, host, gtid: false});
    by = await conductor(all.at);
    source = all.a;
  });
  afterAll(async () => {
    await by?.close();
    await all?.at.down();
  });

  test.each<readonly [When, act: string, ending: 'failed' | 'promoted']>([
    ['after', 'catch-up', 'failed'],
    ['after', 'open', 'promoted'],
    ['after', 'repoint', 'promoted'],
    ['after', 'rejoin', 'promoted'],
  ])('its conductor dies %s %s: %s', async (when, act, ending) => {
    const {a, b, c, at} = all;
    const to = source === a ? b : a;
    const fault = (then: When, what: string): void => {
      if (then === when && what === act) throw new Crash();
    };
    await expect(by.takeOver({from: source, to, fault})).rejects.toBeInstanceOf(Crash);
    expect(await by.settle()).toMatchObject({outcome: ending});
    source = ending === 'promoted' ? to : source;
    expect(await topologyNow([a, b, c])).toBe(source);
    const id = next++;
    await source.query('INSERT INTO test.t (id) VALUES (?)', [id]);
    expect(await sameIds(source, [a, b, c])).toContain(id);
    await nothingIsLeft(at);
  });
});

const PSEUDO = {
  PseudoGTIDPattern: 'drop view if exists `_pseudo_gtid_`',
  PseudoGTIDPatternIsFixedSubstring: true,
  DetectPseudoGTIDQuery: 'select 1',
};

describe('a recovery by Pseudo-GTID', () => {
  let at: Site;
  let close: () => Promise<void> = () => Promise.resolve();
  afterEach(async () => {
    await close();
    await at?.down();
  });

  test.each<readonly [When, act: string]>([
    ['after', 'note-place b'],
    ['after', 'make-writable b'],
    ['after', 'place c'],
  ])('its conductor dies %s %s: another completes it', async (when, act) => {
    const servers = await box.topology('a: b c d', {gtid: false});
    const {a, b, c, d} = servers;
    await a.query('drop view if exists `_pseudo_gtid_`.`_asc:1`');
    await insert(a, 1, 3);
    await box.caughtUp();
    at = await site({backend: host, servers: Object.values(servers), settings: PSEUDO});
    expect(await at.run('discover', '-i', Object.values(servers).map(nameOf).join())).toMatchObject({status: 0});
    await stopReplication(c);
    await insert(a, 4, 5);
    for (const one of [b, d]) await box.waitFor('it has all', async () => (await idsOn(one)).length === 5);
    await a.kill9();
    for (const one of [b, d]) await box.waitFor('it has noticed', async () => (await replicaStatus(one))[0]?.receiver.running !== 'Yes');

    const {options, ...by} = await hands(at);
    close = by.close;
    const wish = {instance: a.key, candidate: b.key, skipHooks: false, allowDataLoss: false, noop: false, wait: 0};
    const planned = await recoverByHand(options, {...wish, noop: true});
    if (planned.outcome !== 'planned') throw new Error(JSON.stringify(planned));
    const {number} = actsOf(planned.plan, {skipHooks: false}).find(({act: one}) => one.do === 'step' && told(one.step, servers) === act)!;
    const fault = (then: When, one: {readonly number: number}): void => {
      if (then === when && one.number === number) throw new Crash();
    };
    await expect(recoverByHand({...options, fault}, wish)).rejects.toBeInstanceOf(Crash);
    expect(await by.settle()).toMatchObject({outcome: 'promoted', successor: b.key, lost: []});
    expect(await topologyNow([b, c, d])).toBe(b);
    await insert(b, 6, 6);
    expect(await sameIds(b, [c, d])).toEqual([1, 2, 3, 4, 5, 6]);
    await nothingIsLeft(at);
  });
});

const nameOf = ({key}: Pick<Instance, 'key'>): string => `${key.host}:${key.port}`;

function told(step: {readonly do: string; readonly on: Instance['key']}, servers: Readonly<Record<string, Instance>>): string {
  const [name] = Object.entries(servers).find(([, {key}]) => key.port === step.on.port) ?? ['?'];
  return `${step.do} ${name}`;
}
