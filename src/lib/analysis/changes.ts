import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Analysis} from './analyze.ts';

/** Something that is wrong with an instance, by its code; what one finding is told apart by. */
export interface OpenFinding {
  readonly key: InstanceKey;
  readonly cluster: string;
  readonly code: string;
  /** One sentence; '' for findings about structure. */
  readonly because: string;
}

/** `host:port code` */
export function subjectOf({key, code}: Pick<OpenFinding, 'key' | 'code'>): string {
  return `${keyText(key)} ${code}`;
}

/** Everything that is wrong, the structure of replication included; by subject. */
export function openFindings(analyses: readonly Analysis[]): ReadonlyMap<string, OpenFinding> {
  const all = analyses.flatMap(({instance: {key, cluster}, code, because, structure}) => [
    ...(code === 'NoProblem' ? [] : [{key, cluster: cluster.name, code, because}]),
    ...structure.map((one) => ({key, cluster: cluster.name, code: one, because: ''})),
  ]);
  return new Map(all.map((finding) => [subjectOf(finding), finding]));
}

/** Where an instance stands, as far as it is worth telling. */
interface Stand {
  readonly key: InstanceKey;
  readonly cluster: string;
  /** `host:port`; null: it follows nobody. */
  readonly source: string | null;
  readonly readOnly: boolean;
}

export type Stands = ReadonlyMap<string, Stand>;

/** One difference between two moments of a topology. */
export interface TopologyChange {
  readonly key: InstanceKey;
  readonly cluster: string;
  readonly change: 'appeared' | 'forgotten' | 'moved' | 'opened' | 'closed';
  /** Whom it followed, and whom it follows; of a move alone. */
  readonly from?: string | null;
  readonly to?: string | null;
}

export function standsIn(topology: Topology): Stands {
  return new Map(
    topology.instances.map(({key, cluster, replication, readOnly}) => {
      const source = replication?.source ?? null;
      return [keyText(key), {key, cluster: cluster.name, source: source && keyText(source), readOnly}];
    }),
  );
}

/** Who came, went, follows somebody else, was opened for writes or closed. */
export function topologyChanges(before: Stands, after: Stands): readonly TopologyChange[] {
  const gone = [...before].flatMap(([name, {key, cluster}]) => (after.has(name) ? [] : [{key, cluster, change: 'forgotten' as const}]));
  return [...gone, ...[...after].flatMap(([name, stand]) => changesOf(before.get(name), stand))];
}

function changesOf(before: Stand | undefined, {key, cluster, source, readOnly}: Stand): readonly TopologyChange[] {
  if (before === undefined) return [{key, cluster, change: 'appeared'}];
  return [
    ...(before.source === source ? [] : [{key, cluster, change: 'moved' as const, from: before.source, to: source}]),
    ...(before.readOnly === readOnly ? [] : [{key, cluster, change: readOnly ? ('closed' as const) : ('opened' as const)}]),
  ];
}
