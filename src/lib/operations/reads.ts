import {listNodes, type NodeRecord} from '../coordination/nodes.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import {readClusters, type ClusterRecord} from '../store/aliases.ts';
import {byImportance, readInstance, readInstances, type InstanceFilter} from '../store/instances.ts';
import type {Context} from './context.ts';

/** A cluster as lists of clusters show it; its alias is its name where it has none. */
export type ClusterInfo = ClusterRecord;

/** In the order of host and port. */
export async function instancesWhere(context: Context, filter: InstanceFilter): Promise<readonly Instance[]> {
  return readInstances(await context.backend(), await context.config(), filter);
}

export function allInstances(context: Context): Promise<readonly Instance[]> {
  return remembered(context, 'instances', () => everyInstance(context));
}

/** Sources first, then by number of replicas, then by cluster. */
export function instancesByImportance(context: Context): Promise<readonly Instance[]> {
  return remembered(context, 'instances by importance', async () => (await everyInstance(context)).toSorted(byImportance));
}

async function everyInstance(context: Context): Promise<readonly Instance[]> {
  const [backend, config] = [await context.backend(), await context.config()];
  return context.memory ? context.memory.instances.read(backend, config) : readInstances(backend, config);
}

export function instancesOf(context: Context, cluster: string): Promise<readonly Instance[]> {
  return instancesWhere(context, {cluster});
}

/** Null when the backend does not know it. */
export async function instanceAt(context: Context, key: InstanceKey): Promise<Instance | null> {
  return readInstance(await context.backend(), await context.config(), key);
}

/** Of one cluster, or of all. */
export async function downtimedInstances(context: Context, cluster: string | null): Promise<readonly Instance[]> {
  const instances = await instancesWhere(context, cluster === null ? {} : {cluster});
  return instances.filter((instance) => instance.wishes.downtime !== null);
}

/** By name. */
export async function clusterInfos(context: Context): Promise<readonly ClusterInfo[]> {
  return remembered(context, 'clusters', async () => readClusters(await context.backend()));
}

function remembered<Value>({memory}: Context, what: string, read: () => Promise<Value>): Promise<Value> {
  return memory ? memory.get(what, read) : read();
}

/** Processes of orchestrator that are alive, services and commands alike. */
export async function activeNodes(context: Context): Promise<readonly NodeRecord[]> {
  return listNodes(await context.backend(), {mode: 'any'});
}
