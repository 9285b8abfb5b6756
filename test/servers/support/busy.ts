import {acquireLock} from '../../../src/lib/coordination/lock/acquire.ts';
import {isContention} from '../../../src/lib/coordination/lock/contention.ts';
import {keepLock, type KeptLock} from '../../../src/lib/coordination/lock/keep.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../../src/lib/coordination/timing.ts';
import type {Instance} from '../../sandbox/index.ts';
import type {Site} from './site.ts';

/** Somebody else's work on these instances, from host ann.example, kept alive until it is released. */
export async function busy(at: Site, instances: readonly Instance[], purpose: string): Promise<KeptLock> {
  const backend = await at.backend();
  const cluster = `${instances[0]?.key.host}:${instances[0]?.key.port}`;
  const wish = {me: makeNodeId('ann.example'), purpose, cluster, instances: instances.map(({key}) => key), timing: defaultTiming};
  const hold = await acquireLock({backend, ...wish});
  if (isContention(hold)) throw new Error(hold.purpose);
  return keepLock({backend, hold, timing: defaultTiming, onLost: () => undefined, log: () => undefined});
}
