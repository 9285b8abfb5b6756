import type {Proxied} from '../backends/backend.ts';
import {pause} from '../faults.ts';
import {NONE, PATIENCE, PROMOTE, promoted, type Scenario, type Scene} from './scene.ts';

function proxiedOf({stage}: Scene): Proxied {
  const {proxied} = stage.backend;
  if (!proxied) throw new Error(`${stage.backend.version} has no proxy in front.`);
  return proxied;
}

/** What happens to a backend with one writable server, and to the proxy that leads to it. */
export const PROXIED: readonly Scenario[] = [
  {
    name: 'the backend fails over behind its proxy',
    faults: ['backend-failover'],
    expected: NONE,
    on: ['proxy'],
    async act(scene) {
      const began = performance.now();
      await proxiedOf(scene).failOver();
      await pause(1_000);
      await scene.stage.leader(PATIENCE);
      scene.measure('somebody leads', performance.now() - began);
      await pause(8_000);
    },
  },
  {
    name: 'the backend fails over and loses its last writes',
    faults: ['backend-failover'],
    expected: NONE,
    on: ['proxy'],
    async act(scene) {
      await proxiedOf(scene).failOver({losing: scene.between(1_500, 4_000)});
      await pause(12_000);
    },
  },
  {
    name: 'the backend fails over, and the source dies',
    faults: ['backend-failover', 'source-kill'],
    expected: PROMOTE,
    on: ['proxy'],
    async act(scene) {
      const {faults, cluster, between} = scene;
      await proxiedOf(scene).failOver({losing: between(0, 1) < 0.5 ? 0 : 2_000});
      await pause(between(0, 4_000));
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
    },
  },
  {
    name: 'the backend fails over in the middle of a recovery, which it has lost',
    faults: ['backend-failover', 'source-kill'],
    expected: PROMOTE,
    // The plan is lost with its row: what is found anew is recovered under another UID, and the row of the lost one is not there.
    on: ['proxy'],
    async act(scene) {
      const {faults, traps, cluster} = scene;
      await traps.set('wait');
      const began = performance.now();
      const losing = proxiedOf(scene).failOver({losing: 4_000});
      await pause(500);
      await faults.killServer(cluster.source);
      await traps.sprung();
      await losing;
      await pause(1_000);
      await traps.lift('wait');
      await promoted(scene, began);
      await pause(5_000);
    },
  },
  {
    name: 'the proxy leads to a read-only server for a while',
    faults: ['proxy-astray'],
    expected: NONE,
    on: ['proxy'],
    async act(scene) {
      await proxiedOf(scene).mislead(scene.between(1_000, 9_000));
      await scene.stage.leader(PATIENCE);
      await pause(6_000);
    },
  },
];
