import type {InstanceKey} from '../model/instance-key.ts';
import type {PromotionRule} from '../model/instance.ts';
import type {Seconds} from '../model/units.ts';
import type {Context} from './context.ts';

export type Period = {readonly owner: string; readonly reason: string; readonly lasting: Seconds};
export type Which =
  {readonly all: true} | {readonly cluster: string} | {readonly instance: InstanceKey} | {readonly id: number} | {readonly uid: string};
type Audit = {readonly type: string; readonly key: InstanceKey; readonly message: string};
declare function todo(...args: readonly unknown[]): never;
export async function audit(context: Context, entry: Audit): Promise<void> {
  todo(context, entry);
}
export async function beginDowntime(context: Context, key: InstanceKey, period: Period): Promise<void> {
  todo(context, key, period);
}
export async function endDowntime(context: Context, key: InstanceKey): Promise<boolean> {
  return todo(context, key);
}
export async function beginMaintenance(context: Context, key: InstanceKey, period: Period): Promise<boolean> {
  return todo(context, key, period);
}
export async function endMaintenance(context: Context, key: InstanceKey): Promise<boolean> {
  return todo(context, key);
}
export async function isInMaintenance(context: Context, key: InstanceKey): Promise<boolean> {
  return todo(context, key);
}
export async function forget(context: Context, key: InstanceKey): Promise<boolean> {
  return todo(context, key);
}
export async function forgetCluster(context: Context, name: string): Promise<readonly InstanceKey[]> {
  return todo(context, name);
}
export async function registerCandidate(context: Context, key: InstanceKey, rule: PromotionRule): Promise<void> {
  return todo(context, key, rule);
}
export async function acknowledge(context: Context, which: Which, comment: string): Promise<number> {
  return todo(context, which, comment);
}
export async function recoveriesDisabled(context: Context): Promise<boolean> {
  return todo(context);
}
export async function setRecoveriesDisabled(context: Context, off: boolean): Promise<void> {
  return todo(context, off);
}
