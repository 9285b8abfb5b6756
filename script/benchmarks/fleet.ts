import path from 'node:path';
import {instance, key, replicating} from '../../test/backend/support/instance.ts';
import {loadConfig} from '../../src/lib/config/load.ts';
import type {Instance} from '../../src/lib/model/instance.ts';
import {recomputeAliases, writeDomain} from '../../src/lib/store/aliases.ts';
import {upsertInstances} from '../../src/lib/store/instances.ts';
import {migrate} from '../../src/lib/store/migrations/migrate.ts';
import {openBackend} from '../../src/lib/store/open.ts';
import type {Program} from '../support/program.ts';

/** A source and four replicas each, as a busy place has them. */
export const FLEET = {clusters: 200, perCluster: 5};

/** Puts many instances into the program's backend as if they had just been probed; nobody answers at their addresses. */
export async function fillFleet(program: Program): Promise<number> {
  const {config} = loadConfig({path: path.join(program.folder, 'orchestrator.conf.json'), env: {}});
  const backend = await openBackend(config);
  try {
    await migrate(backend, {appVersion: 'bench'});
    const all = Array.from({length: FLEET.clusters}, (_, number) => clusterOf(number + 1)).flat();
    const written = await upsertInstances(
      backend,
      all.map((one) => ({instance: one, startedAt: performance.now()})),
    );
    await recomputeAliases(backend);
    for (let number = 1; number <= FLEET.clusters; number++)
      await writeDomain(backend, `db-${number}-1.example.net:3306`, `shop-${number}.example.net`);
    return written;
  } finally {
    await backend.close();
  }
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
