import {placeOf} from './backend.ts';
import {pause} from '../faults.ts';
import {NONE, PATIENCE, PROMOTE, deposed, promoted, type Scenario, type Scene} from './scene.ts';

/** Seconds. */
const OFF = 60;

/** A minute fast, or slow. */
function wrongBy({between}: Scene): number {
  return between(0, 1) < 0.5 ? OFF : -OFF;
}

/** One database server of the backend: the leader's own, or another one's. */
async function wrongDatabase(scene: Scene): Promise<void> {
  const {stage, between} = scene;
  const leader = await stage.leader();
  const [other] = await stage.others();
  const place = stage.backend.kind === 'proxy' ? 0 : placeOf(stage, between(0, 1) < 0.5 ? leader : other!);
  await stage.backend.setClock(place, wrongBy(scene));
  await stage.leader(PATIENCE);
}

/** Clocks that are wrong by a minute; what measures lengths of time is right. */
export const CLOCKS: readonly Scenario[] = [
  {
    name: 'clock of a database server wrong by a minute',
    faults: ['backend-clock'],
    expected: NONE,
    async act(scene) {
      await wrongDatabase(scene);
      await pause(scene.between(5_000, 8_000));
    },
  },
  {
    name: 'clock of a database server wrong by a minute, and the leader killed',
    faults: ['backend-clock', 'leader-kill'],
    expected: NONE,
    async act(scene) {
      const {stage, measure} = scene;
      await wrongDatabase(scene);
      const leader = await stage.leader();
      const began = performance.now();
      await leader.kill9();
      await stage.leader(PATIENCE);
      measure('another leads', performance.now() - began);
      await pause(3_000);
    },
  },
  {
    name: 'clock of a database server wrong by a minute, and the source killed',
    faults: ['backend-clock', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {faults, cluster, between} = scene;
      await wrongDatabase(scene);
      await pause(between(0, 3_000));
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
    },
  },
  {
    name: 'clock of a node that does not lead wrong by a minute',
    faults: ['node-clock'],
    expected: NONE,
    steady: true,
    async act(scene) {
      const [other] = await scene.stage.others();
      await other!.stop();
      await other!.setClock(wrongBy(scene));
      await other!.start();
      await pause(scene.between(5_000, 8_000));
    },
  },
  {
    name: 'a node whose clock is wrong by a minute leads, and the source dies',
    faults: ['node-clock', 'leader-term', 'source-kill'],
    expected: PROMOTE,
    async act(scene) {
      const {stage, faults, cluster, between} = scene;
      const leader = await stage.leader();
      const [wrong, other] = await stage.others();
      await Promise.all([wrong!.stop(), other!.stop()]);
      await wrong!.setClock(wrongBy(scene));
      await wrong!.start();
      await leader.stop();
      await deposed(stage, leader.name);
      await pause(between(1_000, 4_000));
      const began = performance.now();
      await faults.killServer(cluster.source);
      await promoted(scene, began);
    },
  },
];
