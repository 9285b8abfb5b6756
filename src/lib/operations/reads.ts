import {listNodes, type NodeRecord} from '../coordination/nodes.ts';
import {keysLike as storedKeysLike, readInstance, readInstances, type InstanceFilter} from '../store/instances.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {Instance} from '../model/instance.ts';
import type {Context} from './context.ts';

export interface ClusterInfo {
  readonly name: string;
  readonly alias: string;
  readonly domain: string;
  readonly instances: number;
}
declare function todo(): never;
export async function instancesWhere(context: Context, filter: InstanceFilter): Promise<readonly Instance[]> {
  return readInstances(await context.backend(), await context.config(), filter);
}

export async function instanceAt(context: Context, key: InstanceKey): Promise<Instance | null> {
  return readInstance(await context.backend(), await context.config(), key);
}
export async function keysLike(context: Context, key: InstanceKey): Promise<readonly InstanceKey[]> {
  return storedKeysLike(await context.backend(), key);
}
export async function clusterOfInstance(context: Context, key: InstanceKey): Promise<string | null> {
  return (await instanceAt(context, key))?.cluster.name ?? null;
}
export async function clusterOfAlias(context: Context, alias: string): Promise<string | null> {
  void context;
  void alias;
  return todo();
}
export async function hasCluster(context: Context, name: string): Promise<boolean> {
  void context;
  void name;
  return todo();
}
export function allInstances(context: Context): Promise<readonly Instance[]> {
  return instancesWhere(context, {});
}
export function instancesOf(context: Context, cluster: string): Promise<readonly Instance[]> {
  return instancesWhere(context, {cluster});
}
export function replicasOf(context: Context, sourceKey: InstanceKey): Promise<readonly Instance[]> {
  return instancesWhere(context, {sourceKey});
}
export async function downtimedInstances(context: Context, cluster: string | null): Promise<readonly Instance[]> {
  const instances = await instancesWhere(context, cluster === null ? {} : {cluster});
  return instances.filter((instance) => instance.wishes.downtime !== null);
}
export async function clusterInfos(context: Context): Promise<readonly ClusterInfo[]> {
  void context;
  return todo();
}
/** Processes of orchestrator that are alive, services and commands alike. */
export async function activeNodes(context: Context): Promise<readonly NodeRecord[]> {
  return listNodes(await context.backend(), {mode: 'any'});
}
