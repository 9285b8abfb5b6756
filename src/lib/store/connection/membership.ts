import {OrchestratorError} from '../../errors/errors.ts';
import {errnoOf} from './errors.ts';

/** Answered by members that are ONLINE and hear a majority; needs no privilege, unlike the table of the members. */
const AS_MEMBER = 'select group_replication_get_communication_protocol()';
/** Can't initialize function: what the others answer. */
const NO_MEMBER = 1123;
/** There is no such function: before MySQL 8.0.16. */
const UNKNOWN_FUNCTION = 1305;

/**
 * Whether a server that was set up for a replication group takes no part in it. One that was started and has not joined, or not yet,
 * takes writes like any other server, which it alone has: two nodes could lead, and it could never join again.
 *
 * @param say asks the server
 * @throws the driver's error when it cannot be asked
 */
export async function isOutside(say: (sql: string) => Promise<unknown>): Promise<boolean> {
  try {
    await say(AS_MEMBER);
    return false;
  } catch (error) {
    if (errnoOf(error) === UNKNOWN_FUNCTION) return false;
    if (errnoOf(error) === NO_MEMBER) return true;
    throw error;
  }
}

/** Nothing can be done through it before it has joined. */
export function outsideItsGroup(where: string): OrchestratorError {
  return new OrchestratorError(
    'BACKEND_UNREACHABLE',
    `the database node ${where} was set up for a replication group and is no member of its majority now, so nothing is written through it`,
    {
      hint: 'START GROUP_REPLICATION there, or use another node of orchestrator; if it left its group for good, unset group_replication_group_name',
    },
  );
}
