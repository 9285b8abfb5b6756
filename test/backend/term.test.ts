import {createServer, type AddressInfo, type Socket} from 'node:net';
import {expect, onTestFinished, test} from 'vitest';
import {observeLease, takeLease} from '../../src/lib/coordination/lease.ts';
import {defaultTiming} from '../../src/lib/coordination/timing.ts';
import {LockWatch} from '../../src/lib/daemon/lock-watch.ts';
import {startTerm, type TermOptions} from '../../src/lib/daemon/term.ts';
import {LOST_IN_RECOVERY} from '../../src/lib/model/lost.ts';
import {beginDowntime} from '../../src/lib/store/downtime.ts';
import {placeInstances} from '../../src/lib/store/instances.ts';
import {defaults} from './support/operations.ts';
import {useStore} from './support/store.ts';

const store = useStore('sqlite');
const me = {hostname: 'node1', token: 't'};

interface Port {
  readonly port: number;
  /** How many connections were made. */
  readonly asked: () => number;
  readonly close: () => void;
}

/** A port where connections are taken and nobody greets, until it is closed; or where they are ended at once. */
async function port(how: 'silent' | 'hangs up'): Promise<Port> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    if (how === 'hangs up') socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(close);
  return {port: (server.address() as AddressInfo).port, asked: () => sockets.length, close};
}

/** Leads until the test ends. */
async function lead({chores = [], poll = 1}: {readonly chores?: TermOptions['chores']; readonly poll?: number}): Promise<void> {
  const {backend} = store;
  const seen = await observeLease(backend, undefined, defaultTiming);
  const lease = await takeLease(backend, me, {seen, timing: defaultTiming});
  if (lease === null) throw new Error('nobody else is there to lead');
  const term = startTerm({
    config: {...defaults, InstancePollSeconds: poll, MySQLConnectTimeoutSeconds: 300},
    backend,
    heartbeats: backend,
    me,
    timing: defaultTiming,
    log: () => undefined,
    lease: () => lease,
    resolve: (host) => Promise.resolve(host),
    learn: () => Promise.resolve(),
    audit: () => Promise.resolve(),
    recoveriesEnabled: () => Promise.resolve(false),
    lockWatch: new LockWatch(backend, defaultTiming),
    detectionHooks: new Map(),
    chores,
  });
  onTestFinished(() => term.stop());
}

test('what decides by what was probed begins when all that was known has been probed in this term, with whatever outcome', async () => {
  const [gone, silent] = [await port('silent'), await port('silent')];
  gone.close();
  await placeInstances(
    store.backend,
    [gone, silent].map(({port}) => ({host: '127.0.0.1', port})),
  );
  let closed = false;
  let others = 0;
  const after: boolean[] = [];
  await lead({
    chores: [
      {what: 'by probes', period: 20, restsOn: 'probes', run: () => Promise.resolve(void after.push(closed))},
      {what: 'by nothing probed', period: 20, restsOn: 'nothing probed', run: () => Promise.resolve(void (others += 1))},
    ],
  });
  await expect.poll(() => silent.asked(), {timeout: 60_000}).toBeGreaterThan(0);
  const before = others;
  await expect.poll(() => others, {timeout: 60_000}).toBeGreaterThan(before + 20);
  closed = true;
  silent.close();
  await expect.poll(() => after.length, {timeout: 60_000}).toBeGreaterThan(0);
  expect(after[0]).toBe(true);
});

test('what was lost in a recovery is asked again and again whether it is back, however rarely others are probed', async () => {
  const [lost, dead] = [await port('hangs up'), await port('hangs up')];
  const keys = [lost, dead].map((one) => ({host: '127.0.0.1', port: one.port}));
  await placeInstances(store.backend, keys);
  await beginDowntime(store.backend, keys[0]!, {owner: 'orchestrator', reason: LOST_IN_RECOVERY, lasting: 3600});
  await lead({poll: 3600});
  await expect.poll(() => lost.asked(), {timeout: 60_000}).toBeGreaterThan(3);
  expect(dead.asked()).toBe(1);
});
