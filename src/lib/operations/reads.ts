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
export async function instanceAt(context: Context, key: InstanceKey): Promise<Instance | null> {
  void context;
  void key;
  return todo();
}
export async function keysLike(context: Context, key: InstanceKey): Promise<readonly InstanceKey[]> {
  void context;
  void key;
  return todo();
}
export async function clusterOfInstance(context: Context, key: InstanceKey): Promise<string | null> {
  void context;
  void key;
  return todo();
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
export async function allInstances(context: Context): Promise<readonly Instance[]> {
  void context;
  return todo();
}
export async function instancesOf(context: Context, name: string): Promise<readonly Instance[]> {
  void context;
  void name;
  return todo();
}
export async function replicasOf(context: Context, key: InstanceKey): Promise<readonly Instance[]> {
  void context;
  void key;
  return todo();
}
export async function downtimedInstances(context: Context, cluster: string | null): Promise<readonly Instance[]> {
  void context;
  void cluster;
  return todo();
}
export async function clusterInfos(context: Context): Promise<readonly ClusterInfo[]> {
  void context;
  return todo();
}
export async function activeNodes(context: Context): Promise<readonly import('./context.ts').NodeReport[]> {
  void context;
  return todo();
}
