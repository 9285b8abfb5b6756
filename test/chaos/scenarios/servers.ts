import {replicaStatus, waitFor} from '../../sandbox/index.ts';
import {holdApplier} from '../../servers/support/replicas.ts';
import type {Managed} from '../cluster/managed.ts';
import {refusalsOf} from '../evidence.ts';
import {pause} from '../faults.ts';
import {NONE, PATIENCE, PROMOTE, promoted, type Scenario} from './scene.ts';

/** Waits until a replica has been told to receive nothing more: from then on it is drained. */
async function recovering({name, replicas}: Managed): Promise<void> {
  const revoked = async (): Promise<boolean> => {
    const statuses = await Promise.all(replicas.map(({instance}) => replicaStatus(instance)));
    return statuses.some(([status]) => status?.receiver.running === 'No');
  };
  await waitFor(`a replica of ${name} receives nothing more`, revoked, {within: PATIENCE});
}

/** What happens to the servers that are looked after. */
export const SERVERS: readonly Scenario[] = [
  {
    name: 'source killed',
    faults: ['source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster, measure} = scene;
      const began = performance.now();
      await faults.killServer(cluster.source);
      measure('write accepted elsewhere', await promoted(scene, began));
    },
  },
  {
    name: 'source killed, while its replicas have more than they have applied',
    faults: ['source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster, application, between} = scene;
      const release = await Promise.all(cluster.replicas.map(({instance}) => holdApplier(instance)));
      const before = application.acknowledged.length;
      while (application.acknowledged.length < before + 20) await pause(20);
      const began = performance.now();
      await faults.killServer(cluster.source);
      await recovering(cluster);
      await pause(between(500, 1_500));
      await Promise.all(release.map((free) => free()));
      await promoted(scene, began);
    },
  },
  {
    name: 'source stopped',
    faults: ['source-stop'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster, measure} = scene;
      const began = performance.now();
      faults.stopServer(cluster.source);
      measure('write accepted elsewhere', await promoted(scene, began));
    },
  },
  {
    name: 'source stopped for a moment',
    faults: ['source-stop'],
    expected: NONE,
    steady: true,
    async act({faults, cluster, between}) {
      faults.stopServer(cluster.source);
      await pause(between(100, 1_500));
      faults.resumeServer(cluster.source);
      await pause(3_000);
    },
  },
  {
    name: 'replica killed',
    faults: ['replica-kill'],
    expected: NONE,
    steady: true,
    async act({faults, cluster, between}) {
      await faults.killServer(cluster.replicas[0]!);
      await pause(between(3_000, 8_000));
      await cluster.replicas[0]!.instance.start();
    },
  },
  {
    name: 'replica stopped',
    faults: ['replica-stop'],
    expected: NONE,
    steady: true,
    async act({faults, cluster, between}) {
      faults.stopServer(cluster.replicas[0]!);
      await pause(between(3_000, 8_000));
      faults.resumeServer(cluster.replicas[0]!);
    },
  },
  {
    name: 'source and a replica killed together, which may know what nobody else does',
    faults: ['source-kill', 'replica-kill'],
    expected: {ends: 'refuse', code: 'lossless-unprovable'},
    async act({stage, faults, cluster}) {
      const [replica] = cluster.replicas;
      await Promise.all([faults.killServer(cluster.source), faults.killServer(replica!)]);
      const refused = (): boolean => refusalsOf(stage, cluster).includes('lossless-unprovable');
      await waitFor('it is refused', refused, {within: PATIENCE});
      await cluster.source.instance.start();
      await replica!.instance.start();
      await pause(2_000);
    },
  },
  {
    name: 'the source comes back when its recovery was planned',
    faults: ['source-flap'],
    expected: {ends: 'abandon'},
    async act({faults, traps, cluster}) {
      await traps.set('wait');
      await faults.killServer(cluster.source);
      await traps.sprung();
      await cluster.source.instance.start();
      await traps.lift('wait');
      await pause(5_000);
    },
  },
  ...[5, 11].map((seconds): Scenario => ({
    name: `the source comes back after ${seconds} s, and again`,
    faults: ['source-flap'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster} = scene;
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
      await pause(Math.max(0, began + seconds * 1_000 - performance.now()));
      await cluster.source.instance.start();
      await pause(seconds * 500);
      await faults.killServer(cluster.source);
      await pause(1_000);
      await cluster.source.instance.start();
      await pause(4_000);
    },
  })),
];
