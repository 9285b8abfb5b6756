import {holdApplier} from '../../servers/support/replicas.ts';
import {pause} from '../faults.ts';
import {NONE, PROMOTE, promoted, type Scenario} from './scene.ts';

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
      await pause(between(500, 2_000));
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
    name: 'the source comes back after a few seconds',
    faults: ['source-flap'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster, between} = scene;
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
      await pause(between(0, 1) < 0.5 ? 5_000 : 11_000);
      await cluster.source.instance.start();
      await pause(10_000);
    },
  },
];
