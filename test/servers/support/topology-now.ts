import {replicaStatus, waitFor, type Instance, type Waiting} from '../../sandbox/index.ts';

/** What a server says of itself, in the terms a topology is judged by. */
export interface Standing {
  readonly instance: Instance;
  readonly writable: boolean;
  /** Port of the source it reads from; null when it is no replica. */
  readonly source: number | null;
  readonly receiver: string;
  readonly applier: string;
  readonly ids: readonly number[];
}

/** Asks one server; it must answer. */
export async function standingOf(instance: Instance): Promise<Standing> {
  const readOnly = Number(await instance.value('SELECT @@global.read_only'));
  const [status] = await replicaStatus(instance);
  return {
    instance,
    writable: readOnly === 0,
    source: status?.source.port ?? null,
    receiver: status?.receiver.running ?? '',
    applier: status?.applier.running ?? '',
    ids: await idsOn(instance),
  };
}

/** The ids in `test.t`, ascending; none when there is no such table. */
export async function idsOn(instance: Instance): Promise<readonly number[]> {
  const rows = await instance.query<{id: number}>('SELECT id FROM test.t ORDER BY id').catch((error: {errno?: number}) => {
    if (error.errno === NO_SUCH_TABLE) return [];
    throw error;
  });
  return rows.map(({id}) => Number(id));
}

const NO_SUCH_TABLE = 1146;

/**
 * Waits until these servers, as they say themselves, are one topology: one is writable and replicates from nobody, all others are
 * read-only, replicate from it with both threads running, and have the same rows.
 *
 * @returns the writable one
 */
export async function topologyNow(instances: readonly Instance[], waiting?: Waiting): Promise<Instance> {
  return waitFor(
    `${instances.map(({name}) => name).join(', ')} are one topology`,
    async () => {
      const standings = await Promise.all(instances.map(standingOf));
      const faults = faultsIn(standings);
      if (faults.length > 0) throw new Error(faults.join('; '));
      return standings.find(({writable}) => writable)?.instance;
    },
    waiting,
  );
}

function faultsIn(standings: readonly Standing[]): readonly string[] {
  const sources = standings.filter(({writable}) => writable);
  const [source] = sources;
  if (!source || sources.length > 1) return [`writable: ${sources.map(({instance}) => instance.name).join(', ') || 'none'}`];
  return [
    ...(source.source === null ? [] : [`${source.instance.name} is writable and replicates from port ${source.source}`]),
    ...standings.filter((one) => one !== source).flatMap((one) => faultsOf(one, source)),
  ];
}

function faultsOf({instance: {name}, ...replica}: Standing, source: Standing): readonly string[] {
  const missing = source.ids.filter((id) => !replica.ids.includes(id));
  const extra = replica.ids.filter((id) => !source.ids.includes(id));
  return [
    ...(replica.source === source.instance.key.port ? [] : [`${name} replicates from port ${replica.source}`]),
    ...(replica.receiver === 'Yes' && replica.applier === 'Yes'
      ? []
      : [`${name} has receiver ${replica.receiver}, applier ${replica.applier}`]),
    ...(missing.length === 0 ? [] : [`${name} lacks rows ${missing.slice(0, 5).join(', ')} (${missing.length})`]),
    ...(extra.length === 0 ? [] : [`${name} has rows the source lacks: ${extra.slice(0, 5).join(', ')} (${extra.length})`]),
  ];
}
