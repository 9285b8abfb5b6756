import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {waitFor} from '../sandbox/index.ts';
import type {Managed, Server} from './cluster/managed.ts';
import type {Stage} from './cluster/stage.ts';
import type {Faults} from './faults.ts';
import type {ClusterEvidence} from './invariants.ts';
import {stateOf} from './observer.ts';
import type {Move} from './scenarios/scene.ts';
import type {Application} from './workload.ts';

/** Of a server that runs, on a machine however busy. */
const ANSWERS_WITHIN = 30_000;

interface About {
  readonly moves: readonly Move[];
  readonly faults: Faults;
}

/** What there is to know of one cluster at the end. */
export async function evidenceOf(stage: Stage, {cluster, acknowledged}: Application, {moves, faults}: About): Promise<ClusterEvidence> {
  const ports = cluster.servers.map(({key}) => key.port).join(', ');
  const recoveries = await stage.rows<{uid: string; is_successful: number; in_active_period: number; acknowledged: number}>(
    `SELECT uid, is_successful, in_active_period, acknowledged FROM $topology_recovery WHERE port IN (${ports})`,
  );
  const there = await idsAt(cluster);
  const own = moves.filter((move) => move.cluster === cluster.name).map(({scenario}) => scenario);
  return {
    name: cluster.name,
    expected: own.map(({expected}) => expected),
    recoveries: recoveries.map(({uid, is_successful, in_active_period, acknowledged}) => ({
      uid,
      successful: Number(is_successful) === 1,
      // Such a one blocks nothing, though nobody has acknowledged it.
      openedNobody: Number(is_successful) === 0 && Number(in_active_period) === 0 && Number(acknowledged) === 0,
    })),
    refusals: refusalsOf(stage, cluster),
    lost: there === null ? [] : acknowledged.map(({id}) => id).filter((id) => !there.has(id)),
    fences: new Map(await Promise.all(cluster.servers.map(async ({name, instance}) => [name, await fencesAt(instance.datadir)] as const))),
    servers: cluster.servers.map(({name}) => name),
    disturbed: faults.disturbed,
  };
}

/** What the source has: of several writable servers the one that others follow. Null: there is none, so that nothing is lost yet. */
async function idsAt(cluster: Managed): Promise<ReadonlySet<number> | null> {
  const alive = cluster.servers.filter(({instance}) => instance.alive());
  const states = await Promise.all(
    alive.map(async (server) => {
      const state = await waitFor(`${server.name} says how it is`, () => stateOf(server), {within: ANSWERS_WITHIN});
      return {server, state};
    }),
  );
  const writable = states.filter(({state}) => state.writable).map(({server}) => server);
  const source = writable.find(({key}) => states.some(({state}) => state.source === key.port)) ?? writable[0];
  if (!source) return null;
  const ids = await idsOf(source);
  const followers = states.filter(({state}) => state.source === source.key.port && state.receiving && state.applying);
  await Promise.all(
    followers.map(({server}) => waitFor(`${server.name} has what ${source.name} has`, () => hasAll(server, ids), {within: ANSWERS_WITHIN})),
  );
  return ids;
}

async function idsOf({instance}: Server): Promise<ReadonlySet<number>> {
  const rows = await instance.query<{id: number}>('SELECT id FROM test.t');
  return new Set(rows.map(({id}) => Number(id)));
}

/** Neither fewer nor others. */
async function hasAll(replica: Server, ids: ReadonlySet<number>): Promise<boolean> {
  const own = await idsOf(replica);
  const lacking = [...ids].filter((id) => !own.has(id));
  const more = [...own].filter((id) => !ids.has(id));
  if (lacking.length + more.length === 0) return true;
  throw new Error(`it lacks ${lacking.slice(0, 5).join(', ') || 'nothing'} and has ${more.slice(0, 5).join(', ') || 'nothing'} beside`);
}

/** Codes of `127.0.0.1:3306 is not recovered (code): why`, as leaders write it. */
export function refusalsOf(stage: Stage, cluster: Managed): readonly string[] {
  const codes = cluster.servers.flatMap(({key}) =>
    stage.nodes.flatMap(({log}) => [...log.matchAll(new RegExp(`${key.host}:${key.port} is not recovered \\(([a-z-]+)\\)`, 'g'))]),
  );
  return [...new Set(codes.map(([, code = '']) => code))];
}

/** Fences of the comments before our statements, in the order in which the server began them. */
async function fencesAt(datadir: string): Promise<readonly number[]> {
  const text = await readFile(join(datadir, 'general.log'), 'utf8');
  return [...text.matchAll(/\/\* orchestrator \S+ (\d+)(?: \S+)? \*\//g)].map(([, fence]) => Number(fence));
}
