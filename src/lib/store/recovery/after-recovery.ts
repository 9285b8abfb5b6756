import type {InstanceKey} from '../../model/instance-key.ts';
import type {Seconds} from '../../model/units.ts';
import type {Work} from '../backend.ts';
import {clearDetections} from './detection-registration.ts';
import {LOST_IN_RECOVERY} from '../../model/lost.ts';
import {LOST_IN_RECOVERY_LASTING, writeDowntime} from '../downtime.ts';

/**
 * Keeps instances that a recovery left behind from being acted on: until they are back in order, or for so long.
 *
 * @param by.lasting 0: until they are
 */
export async function downtimeLost(
  work: Work,
  instances: readonly InstanceKey[],
  {owner, lasting = 0}: {readonly owner: string; readonly lasting?: Seconds},
): Promise<void> {
  const downtime = {owner, reason: LOST_IN_RECOVERY, lasting: lasting || LOST_IN_RECOVERY_LASTING};
  for (const key of instances) await writeDowntime(work, key, downtime);
}

/** A promoted instance is not to be left alone any more, and the failed one's finding is dealt with. */
export async function closeFinding(work: Work, {failed, successor}: {failed: InstanceKey; successor: InstanceKey}): Promise<void> {
  await clearDetections(work, failed);
  await work.db('database_instance_downtime').where({hostname: successor.host, port: successor.port}).delete();
}

/** The cluster goes by the name of its new source; its alias, and one that people gave it by hand, go with it. */
export async function moveAlias({db, dialect}: Work, {from, to, alias}: {from: string; to: string; alias: string}): Promise<void> {
  if (alias !== '' && alias !== from) {
    await db('cluster_alias').where({alias}).orWhere({cluster_name: to}).delete();
    await db('cluster_alias').insert({cluster_name: to, alias, last_registered: dialect.now()});
  }
  const taken: unknown = await db('cluster_alias_override').where({cluster_name: to}).first('alias');
  if (taken === undefined) await db('cluster_alias_override').where({cluster_name: from}).update({cluster_name: to});
}
