import {randomBytes} from 'node:crypto';
import {dropMark, showForMark} from '../../flavor/marks.ts';
import type {InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import type {Servers} from '../../servers/servers.ts';

/** For each statement; one that waits any longer must not pile up with those after it. */
const WITHIN: Milliseconds = 2000;

/**
 * Writes one Pseudo-GTID entry to a source, over a connection of its own, unless the source was closed meanwhile: a statement that
 * changes nothing and is logged all the same.
 *
 * @param mayStill asked last, right before it is written
 * @returns whether it was written
 * @throws OrchestratorError SERVER_ACCESS_DENIED without the DROP privilege; as `Session.query`
 */
export async function injectMark(servers: Servers, key: InstanceKey, mayStill: () => boolean): Promise<boolean> {
  const session = await servers.connect(key, {timeout: WITHIN});
  try {
    // Where tables are locked for a takeover it fails, instead of being written once the source is closed.
    await session.query({text: 'SET SESSION lock_wait_timeout = 1', values: []}, {timeout: WITHIN});
    const [row] = await session.query(showForMark, {timeout: WITHIN});
    if (Number(row?.['read_only'] ?? 1) !== 0 || !mayStill()) return false;
    await session.query(dropMark({now: Number(row?.['now']), serverId: Number(row?.['server_id']), salt: randomBytes(8).toString('hex')}), {
      timeout: WITHIN,
    });
    return true;
  } finally {
    session.destroy();
  }
}
