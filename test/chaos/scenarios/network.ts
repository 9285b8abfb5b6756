import {pause} from '../faults.ts';
import {LONG, NONE, PROMOTE, deposed, promoted, type Scenario} from './scene.ts';

/** What happens between processes that all live. */
export const NETWORK: readonly Scenario[] = [
  {
    name: 'leader cut off from its backend',
    faults: ['cut-leader-backend'],
    expected: NONE,
    async act({stage, faults, between}) {
      const leader = await stage.leader();
      faults.cutBackend(leader);
      await deposed(stage, leader.name);
      await pause(between(1_000, 5_000));
    },
  },
  {
    name: 'leader cut off from its backend, and the source killed',
    faults: ['cut-leader-backend', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      faults.cutBackend(await stage.leader());
      await pause(between(0, 6_000));
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
    },
  },
  {
    name: 'leader cut off from the source only',
    faults: ['cut-leader-source'],
    expected: NONE,
    steady: true,
    async act({stage, faults, cluster, between}) {
      const leader = await stage.leader();
      faults.cut(leader.name, cluster.source);
      await pause(between(LONG.least, LONG.most + 4_000));
    },
  },
  {
    name: 'leader cut off from all servers',
    faults: ['cut-leader-source'],
    expected: NONE,
    steady: true,
    async act({stage, faults, between}) {
      const leader = await stage.leader();
      for (const server of stage.servers) faults.cut(leader.name, server);
      await pause(between(LONG.least, LONG.most + 4_000));
    },
  },
  {
    name: 'replicas cut off from the source',
    faults: ['cut-replicas-source'],
    expected: NONE,
    steady: true,
    async act({faults, cluster, between}) {
      for (const {name} of cluster.replicas) faults.cut(name, cluster.source);
      await pause(between(LONG.least, LONG.most));
    },
  },
  ...(['to-server', 'to-client'] as const).map((silence): Scenario => ({
    name: `packets between source and replicas dropped ${silence === 'to-server' ? 'on the way there' : 'on the way back'}`,
    faults: ['one-way', 'cut-replicas-source'],
    expected: NONE,
    steady: true,
    async act({faults, cluster, between}) {
      for (const {name} of cluster.replicas) faults.cut(name, cluster.source, {silence});
      await pause(between(5_000, 9_000));
    },
  })),
  ...(['to-server', 'to-client'] as const).map((silence): Scenario => ({
    name: `packets between leader and source dropped ${silence === 'to-server' ? 'on the way there' : 'on the way back'}`,
    faults: ['one-way', 'cut-leader-source'],
    expected: NONE,
    steady: true,
    async act({stage, faults, cluster, between}) {
      faults.cut((await stage.leader()).name, cluster.source, {silence});
      await pause(between(LONG.least, LONG.most + 4_000));
    },
  })),
  ...(['to-server', 'to-client'] as const).map((silence): Scenario => ({
    name: `packets between leader and backend dropped ${silence === 'to-server' ? 'on the way there' : 'on the way back'}`,
    faults: ['one-way', 'cut-leader-backend'],
    expected: NONE,
    async act({stage, faults}) {
      const leader = await stage.leader();
      faults.cutBackend(leader, {silence});
      await deposed(stage, leader.name);
      await pause(1_000);
    },
  })),
  {
    name: 'everything between nodes and backend late',
    faults: ['delay'],
    expected: NONE,
    steady: true,
    async act({stage, faults, between}) {
      for (const node of stage.nodes) faults.cutBackend(node, {delay: between(20, 150)});
      await pause(10_000);
    },
  },
  {
    name: 'source killed, while everything is late',
    faults: ['delay', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      for (const node of stage.nodes) {
        faults.cutBackend(node, {delay: between(20, 80)});
        for (const server of cluster.servers) faults.cut(node.name, server, {delay: between(5, 50)});
      }
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
    },
  },
];
