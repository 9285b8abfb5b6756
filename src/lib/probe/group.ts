import type {Row} from '../flavor/flavor.ts';
import {isOn, textOf} from '../flavor/rows.ts';
import type {InstanceKey} from '../model/instance-key.ts';
import type {GroupMembership} from '../model/instance.ts';

/** Members that are in the group; an instance that ran group replication once lists itself as OFFLINE. */
export function activeMembers(rows: readonly Row[]): readonly Row[] {
  return rows.filter((row) => !['', 'OFFLINE'].includes(textOf(row['member_state'])) && textOf(row['member_id']) !== '');
}

/**
 * The group as one member sees it.
 *
 * @param group the row of `showGroup`
 * @param self the instance's own server_uuid
 */
export async function membershipOf(
  members: readonly Row[],
  {group, self, resolve}: {group: Row; self: string; resolve: (key: InstanceKey) => Promise<InstanceKey>},
): Promise<GroupMembership | null> {
  const own = members.find((row) => textOf(row['member_id']) === self);
  if (!own) return null;
  const singlePrimary = isOn(group['single_primary']);
  const primary = singlePrimary ? members.find((row) => textOf(row['member_role']) === 'PRIMARY') : undefined;
  const others = members.filter((row) => row !== own);
  return {
    name: textOf(group['name']),
    singlePrimary,
    state: textOf(own['member_state']),
    role: textOf(own['member_role']),
    members: await Promise.all(others.map((row) => resolve(keyOf(row)))),
    primary: primary ? await resolve(keyOf(primary)) : null,
  };
}

function keyOf(row: Row): InstanceKey {
  return {host: textOf(row['member_host']), port: Number(row['member_port'])};
}
