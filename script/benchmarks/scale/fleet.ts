import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {instance, key, replicating} from '../../../test/backend/support/instance.ts';
import {loadConfig} from '../../../src/lib/config/load.ts';
import type {Instance} from '../../../src/lib/model/instance.ts';
import type {Backend} from '../../../src/lib/store/backend.ts';
import {recomputeAliases, writeDomain} from '../../../src/lib/store/aliases.ts';
import {LastWritten, upsertInstances, type SeenInstance} from '../../../src/lib/store/instances.ts';
import {migrate} from '../../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../../src/lib/store/open.ts';
import type {Program} from '../../support/program.ts';

/** A source and four replicas each, as a busy place has them. */
export const FLEET = {clusters: 200, perCluster: 5};

/** Puts many instances into the program's backend as if they had just been probed; nobody answers at their addresses. */
export async function fillFleet(program: Program): Promise<number> {
  const backend = await backendOf(program);
  try {
    await migrate(backend, {appVersion: 'bench'});
    const written = await upsertInstances(backend, wholeFleet().map(probed));
    await recomputeAliases(backend);
    for (let number = 1; number <= FLEET.clusters; number++)
      await writeDomain(backend, `db-${number}-1.example.net:3306`, `shop-${number}.example.net`);
    return written;
  } finally {
    await backend.close();
  }
}

/** A leader writes what it probes this often, and each instance once in a poll of the default length. */
const WRITES_EACH = 100;
const POLL = 5000;

/** Writes as a leader does that probes all of them, each further on in its binary log than the last time. */
export async function liveFleet(program: Program): Promise<{stop(): Promise<void>}> {
  const backend = await backendOf(program);
  const [all, last, ending] = [wholeFleet(), new LastWritten(), new AbortController()];
  const some = Math.ceil((all.length * WRITES_EACH) / POLL);
  const write = async (): Promise<void> => {
    for (let round = 0; !ending.signal.aborted; round++) {
      const began = performance.now();
      const from = (round * some) % all.length;
      const moved = all
        .slice(from, from + some)
        .map((one) => ({...one, binlog: {...one.binlog, at: {file: 'binlog.000003', position: 5000 + round}}}));
      await upsertInstances(backend, moved.map(probed), last);
      await sleep(Math.max(0, WRITES_EACH - (performance.now() - began)));
    }
  };
  const writing = write();
  return {
    async stop() {
      ending.abort();
      await writing;
      await backend.close();
    },
  };
}

async function backendOf(program: Program): Promise<Backend> {
  const {config} = loadConfig({path: path.join(program.folder, 'orchestrator.conf.json'), env: {}});
  return openBackend(config);
}

function wholeFleet(): readonly Instance[] {
  return Array.from({length: FLEET.clusters}, (_, number) => clusterOf(number + 1)).flat();
}

function probed(one: Instance): SeenInstance {
  return {instance: one, startedAt: performance.now()};
}

function clusterOf(number: number): readonly Instance[] {
  const names = Array.from({length: FLEET.perCluster}, (_, place) => `db-${number}-${place + 1}.example.net:3306`);
  const [top = '', ...below] = names;
  const cluster = {name: top, suggestedAlias: `shop-${number}`, isCoSource: false, ancestry: '3f0c1c0e-1111-11ee-8a1d-0242ac120002'};
  return names.map((name, place) =>
    instance(name, {
      cluster: {...cluster, depth: place === 0 ? 0 : 1},
      replicas: place === 0 ? below.map(key) : [],
      readOnly: place > 0,
      ...(place > 0 && {
        replication: replicating(top, {receiver: {state: 'running', errno: 0, error: ''}, secondsBehind: 0, lag: 0}),
      }),
    }),
  );
}
