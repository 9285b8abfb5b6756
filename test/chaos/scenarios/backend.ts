import type {Node} from '../cluster/node.ts';
import type {Stage} from '../cluster/stage.ts';
import {pause} from '../faults.ts';
import {deposed, NONE, PATIENCE, PROMOTE, promoted, type Scenario} from './scene.ts';

/** Which of the ways into the backend, and where it has several servers which of these, is a node's own. */
export function placeOf(stage: Stage, node: Node): number {
  return stage.nodes.indexOf(node);
}

/** Waits until no node leads, which each knows by its own clock. */
async function nobodyLeads(stage: Stage): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const leader = await stage.leader(1_000).catch(() => null);
    if (leader === null) return;
    if (performance.now() > deadline) throw new Error(`${leader.name} leads without a backend`);
    await pause(100);
  }
}

/** What happens to the backend, or to a part of it. */
export const BACKEND: readonly Scenario[] = [
  {
    name: 'database node of the leader killed',
    faults: ['backend-kill'],
    expected: NONE,
    on: ['galera', 'group'],
    async act({stage, measure}) {
      const leader = await stage.leader();
      const began = performance.now();
      await stage.backend.kill(placeOf(stage, leader));
      await deposed(stage, leader.name);
      measure('another leads', performance.now() - began);
      await pause(3_000);
    },
  },
  {
    name: 'database node of another node killed',
    faults: ['backend-kill'],
    expected: NONE,
    on: ['galera'],
    steady: true,
    async act({stage}) {
      const [other] = await stage.others();
      await stage.backend.kill(placeOf(stage, other!));
      await pause(8_000);
    },
  },
  {
    // Until its group has expelled it nobody's writes are certified, which may cost the leader its lease.
    name: 'member of another node killed',
    faults: ['backend-kill'],
    expected: NONE,
    on: ['group'],
    async act({stage}) {
      const [other] = await stage.others();
      await stage.backend.kill(placeOf(stage, other!));
      await pause(8_000);
      await stage.leader(PATIENCE);
    },
  },
  {
    name: 'database node of another node stopped',
    faults: ['backend-stop'],
    expected: NONE,
    on: ['galera', 'group'],
    async act({stage, between}) {
      const [other] = await stage.others();
      const server = stage.backend.servers[placeOf(stage, other!)]!;
      server.pause();
      await pause(between(3_000, 8_000));
      server.resume();
      await pause(2_000);
    },
  },
  {
    name: 'database node of the leader stopped',
    faults: ['backend-stop'],
    expected: NONE,
    on: ['galera', 'group'],
    async act({stage, between}) {
      const leader = await stage.leader();
      const server = stage.backend.servers[placeOf(stage, leader)]!;
      server.pause();
      await deposed(stage, leader.name);
      await pause(between(0, 4_000));
      server.resume();
      await pause(2_000);
    },
  },
  {
    name: 'the writable server of the backend stopped for a while',
    faults: ['backend-stop'],
    expected: NONE,
    on: ['proxy'],
    async act({stage, between}) {
      const [server] = stage.backend.servers;
      server!.pause();
      await pause(between(1_000, 9_000));
      server!.resume();
      await stage.leader(PATIENCE);
      await pause(2_000);
    },
  },
  {
    name: 'the writable server of the backend killed, and started again',
    faults: ['backend-kill'],
    expected: NONE,
    on: ['proxy'],
    async act({stage, between}) {
      await stage.backend.kill(0);
      await pause(between(0, 8_000));
      await stage.backend.revive();
      await stage.leader(PATIENCE);
      await pause(2_000);
    },
  },
  {
    name: 'a whole machine dies: the leader and its database node',
    faults: ['leader-kill', 'backend-kill'],
    expected: NONE,
    on: ['galera', 'group'],
    async act({stage, measure}) {
      const leader = await stage.leader();
      const began = performance.now();
      await Promise.all([leader.kill9(), stage.backend.kill(placeOf(stage, leader))]);
      await stage.leader(PATIENCE);
      measure('another leads', performance.now() - began);
      await pause(2_000);
    },
  },
  {
    name: 'the backend loses its majority and gets it back',
    faults: ['quorum-loss'],
    expected: NONE,
    async act({stage, between}) {
      await stage.backend.loseQuorum();
      await nobodyLeads(stage);
      await pause(between(0, 5_000));
      await stage.backend.revive();
    },
  },
  {
    name: 'the source dies while the backend has no majority',
    faults: ['quorum-loss', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      await stage.backend.loseQuorum();
      await nobodyLeads(stage);
      const began = performance.now();
      await faults.killServer(cluster.source);
      await pause(between(0, 5_000));
      await stage.backend.revive();
      await promoted(scene, began);
    },
  },
];
