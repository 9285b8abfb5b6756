import {loadConfig} from '../../../src/lib/config/load.ts';
import {isContention} from '../../../src/lib/coordination/lock/contention.ts';
import {heartbeat, releaseLock} from '../../../src/lib/coordination/lock/hold.ts';
import {listLocks} from '../../../src/lib/coordination/lock/rows.ts';
import {takeOverAbandoned} from '../../../src/lib/coordination/lock/standstill.ts';
import {makeNodeId} from '../../../src/lib/coordination/nodes.ts';
import {defaultTiming} from '../../../src/lib/coordination/timing.ts';
import type {LockHold} from '../../../src/lib/coordination/types.ts';
import {atWork, environmentOf, type HandOptions} from '../../../src/lib/execute/by-hand.ts';
import {resume} from '../../../src/lib/execute/resume.ts';
import {readInstances} from '../../../src/lib/store/instances.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import {readOpenPlans} from '../../../src/lib/store/recovery/plans.ts';
import {waitFor} from '../../sandbox/index.ts';
import {quick} from '../../backend/support/coordination.ts';
import type {Site} from './site.ts';

/** Ends a conductor as a crash would: nothing after it is done, its lock and its plan stay behind. */
export class Crash extends Error {}

/** What a command does its work with, in this process, where it can be disturbed at each act. */
export interface Hands {
  readonly options: HandOptions;
  /** Ends what a crash left behind, as the leader or a person would, but without waiting for five seconds. */
  settle(): ReturnType<typeof resume>;
  /** Gives back locks whose holder had ended its plan before it crashed. */
  unlock(): Promise<void>;
  close(): Promise<void>;
}

export async function hands(at: Pick<Site, 'file'>): Promise<Hands> {
  const {config} = loadConfig({path: at.file, env: {}, overrides: {}});
  const backend = await openBackend(config, {pool: 2});
  const options: HandOptions = {
    config,
    backend,
    heartbeats: () => openBackend(config, {pool: 1}),
    me: makeNodeId(),
    log: () => undefined,
    audit: () => Promise.resolve(),
    resolve: (host) => Promise.resolve(host),
    learn: () => Promise.resolve(),
  };
  return {options, settle: () => settle(options), unlock: () => unlock(options), close: () => backend.close()};
}

async function settle(options: HandOptions): ReturnType<typeof resume> {
  const {backend, config} = options;
  const [plan] = await readOpenPlans(backend);
  if (!plan) throw new Error('there is no open plan');
  const taken = await takeOver(options, plan.lockId);
  const hold = await heartbeat(backend, taken, defaultTiming);
  if (hold === null) throw new Error('its lock was lost');
  const heartbeats = await options.heartbeats();
  try {
    return await atWork(options, async (bench) => {
      bench.prober.model.begin(await readInstances(backend, config));
      return resume(environmentOf(options, {...bench, heartbeats}), plan, hold);
    });
  } finally {
    await heartbeats.close();
  }
}

async function unlock(options: HandOptions): Promise<void> {
  for (const {lockId} of await listLocks(options.backend)) await releaseLock(options.backend, await takeOver(options, lockId));
}

/** What was under way when it crashed may go on for a moment, which a crash of a process would not let it. */
function takeOver({backend, me}: HandOptions, lockId: string): Promise<LockHold> {
  return waitFor(
    'its lock is taken over',
    async () => {
      const answer = await takeOverAbandoned(backend, {me, lockId, timing: {...quick, attempt: defaultTiming.attempt}});
      return answer !== null && !isContention(answer) ? answer : null;
    },
    {within: 60_000},
  );
}
