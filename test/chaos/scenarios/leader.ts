import {waitFor} from '../../sandbox/index.ts';
import {leads} from '../cluster/leads.ts';
import type {Node} from '../cluster/node.ts';
import {pause} from '../faults.ts';
import {LONG, NONE, PATIENCE, PROMOTE, deposed, promoted, type Scenario, type Scene} from './scene.ts';

/** Long enough for whoever was elected to lose it again. */
const STAYS = 5_000;

/** Makes a node the leader that will stop in its next recovery. */
async function leading({stage, cluster}: Scene, {when, act}: {readonly when: 'before' | 'after'; readonly act: number}): Promise<Node> {
  const leader = await stage.leader();
  const [next, other] = await stage.others();
  await Promise.all([next!.stop(), other!.stop()]);
  next!.setFault(when, act);
  await next!.start();
  await leader.stop();
  await deposed(stage, leader.name);
  await Promise.all([leader.start(), other!.start()]);
  await stage.watched([cluster]);
  return next!;
}

/** For ten seconds from now; returns when it answers nothing. */
async function blocked(leader: Node): Promise<void> {
  await leader.block(10_000);
  await waitFor(`${leader.name} answers nothing`, async () => (await leads(leader)) === null, {within: 8_000});
}

/** What happens to the one who leads. */
export const LEADER: readonly Scenario[] = [
  {
    name: 'leader killed',
    faults: ['leader-kill'],
    expected: NONE,
    elections: 1,
    async act({stage, measure}) {
      const leader = await stage.leader();
      const began = performance.now();
      await leader.kill9();
      await stage.leader(PATIENCE);
      measure('another leads', performance.now() - began);
      await pause(STAYS);
    },
  },
  {
    name: 'leader told to end',
    faults: ['leader-term'],
    expected: NONE,
    elections: 1,
    async act({stage, measure}) {
      const leader = await stage.leader();
      const began = performance.now();
      const ended = leader.stop();
      await deposed(stage, leader.name);
      measure('another leads', performance.now() - began);
      await ended;
      await pause(STAYS);
    },
  },
  {
    name: 'leader and source killed together',
    faults: ['leader-kill', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, measure} = scene;
      const leader = await stage.leader();
      const began = performance.now();
      await Promise.all([leader.kill9(), faults.killServer(cluster.source)]);
      measure('write accepted elsewhere', await promoted(scene, began));
    },
  },
  {
    name: 'leader stopped past its lease',
    faults: ['leader-stop'],
    expected: NONE,
    async act({stage, between}) {
      const leader = await stage.leader();
      leader.pause();
      await Promise.all([pause(between(LONG.least, LONG.most)), deposed(stage, leader.name)]);
      leader.resume();
      await pause(2_000);
    },
  },
  {
    name: 'leader stopped for less than its lease',
    faults: ['leader-stop'],
    expected: NONE,
    steady: true,
    async act({stage, between}) {
      const leader = await stage.leader();
      leader.pause();
      await pause(between(500, 2_500));
      leader.resume();
      await pause(6_000);
    },
  },
  {
    name: 'leader stopped in the middle of a recovery, past its lease',
    faults: ['leader-stop', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, traps, cluster, between} = scene;
      const leader = await stage.leader();
      await traps.set('stop');
      const began = performance.now();
      await faults.killServer(cluster.source);
      await traps.sprung();
      await deposed(stage, leader.name);
      await promoted(scene, began);
      await pause(between(0, 3_000));
      leader.resume();
      await pause(3_000);
    },
  },
  {
    // Anywhere between the first change of a server and the last: its sessions, its lock and what it is about to send are all it has left.
    name: 'leader stopped between two steps of a recovery, past its lease',
    faults: ['leader-stop', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      const stops = await leading(scene, {when: between(0, 1) < 0.5 ? 'before' : 'after', act: Math.floor(between(2, 8))});
      const began = performance.now();
      await faults.killServer(cluster.source);
      await waitFor(`${stops.name} stands still`, () => stops.standing, {within: PATIENCE});
      await deposed(stage, stops.name);
      await promoted(scene, began);
      await pause(between(0, 3_000));
      stops.resume();
      await pause(3_000);
    },
  },
  {
    name: 'leader killed in the middle of a recovery',
    faults: ['leader-kill', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, traps, cluster} = scene;
      await traps.set('kill');
      const began = performance.now();
      await faults.killServer(cluster.source);
      await traps.sprung();
      await promoted(scene, began);
    },
  },
  {
    name: 'event loop of the leader blocked for 10 s',
    faults: ['leader-block'],
    expected: NONE,
    async act({stage}) {
      await blocked(await stage.leader());
      await pause(12_000);
    },
  },
  {
    name: 'event loop of the leader blocked for 10 s, and the source killed',
    faults: ['leader-block', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      const stands = performance.now();
      await blocked(await stage.leader());
      await pause(between(0, 4_000));
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
      await pause(Math.max(0, stands + 12_000 - performance.now()));
    },
  },
];
