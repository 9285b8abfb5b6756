import type {ReplicationCredentials} from '../../flavor/flavor.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Hand} from '../steps/hands.ts';
import {mustFollow} from '../steps/repoint.ts';

/** Lets a copy that is back follow its source by GTID, closed for writes, and sees it replicate. What it was told to follow by its donor is forgotten. */
export async function followAfterClone(
  hand: Hand,
  to: {readonly source: InstanceKey; readonly credentials: ReplicationCredentials | null; readonly tls: boolean},
): Promise<void> {
  for (const statement of hand.flavor.setReadOnly(true, true)) await hand.say(statement);
  if ((await hand.replication()) !== null) await hand.say(hand.flavor.stopReplication);
  const {source, credentials, tls} = to;
  await hand.pointAt({source, gtid: true, formerSource: true, ...(credentials ? {credentials} : {}), ...(tls ? {tls} : {})});
  await hand.say(hand.flavor.startReplication);
  await mustFollow(hand, source, 0);
}
