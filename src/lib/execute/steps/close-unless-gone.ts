import {isCode, messageOf, OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {classifyFailure} from '../../servers/failure.ts';
import {closeSource, endWaitingCommits} from './close-source.ts';
import {STATEMENT_TIMEOUT, type Hand} from './hands.ts';

/** A dead source is given this long to answer before it is reported as unfenced: it must not hold up its own replacement. */
const CLOSE_WITHIN: Milliseconds = 250;

/** A hand on the source, connected within so long. */
type Reach = (timeout: Milliseconds) => Promise<Hand>;

/**
 * Closes the source that is replaced. One that is gone stays unfenced; that is said, and does not stop the recovery. One that answers,
 * be it with nothing but an error, lives, and nobody may be opened beside it.
 *
 * @throws OrchestratorError as `closeSource`; SERVER_* when it lives and could not be closed
 */
export async function closeUnlessGone(key: InstanceKey, reach: Reach): Promise<string> {
  const first = await handOrGone(key, () => reach(CLOSE_WITHIN));
  if (typeof first === 'string') return first;
  try {
    return await closeSource(first);
  } catch (error) {
    if (!isCode(error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) throw error;
    const timedOut = error.code === 'SERVER_TIMEOUT';
    return await closeAgain(key, {reach: () => reach(STATEMENT_TIMEOUT), timedOut});
  }
}

/** It let us in a moment ago: it died since, or commits that wait for semi-sync replicas keep read_only waiting too. */
async function closeAgain(key: InstanceKey, {reach, timedOut}: {reach(): Promise<Hand>; timedOut: boolean}): Promise<string> {
  const second = await handOrGone(key, reach);
  if (typeof second === 'string') return second;
  try {
    if (timedOut) await endWaitingCommits(second);
    return await closeSource(await reach());
  } catch (error) {
    if (!isCode(error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) throw error;
    throw living(key, error);
  }
}

/** A sentence where there is nobody to close. */
async function handOrGone(key: InstanceKey, reach: () => Promise<Hand>): Promise<Hand | string> {
  try {
    return await reach();
  } catch (error) {
    if (!isCode(error, 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT')) throw error;
    if (classifyFailure(error).reach === 'alive') throw living(key, error);
    return `${keyText(key)} is unfenced: it could not be reached (${messageOf(error)})`;
  }
}

function living(key: InstanceKey, error: OrchestratorError): OrchestratorError {
  return new OrchestratorError(error.code, `${keyText(key)} lives, and could not be closed: ${error.message}`, {
    hint: error.hint ?? 'nobody is opened beside it: look at its process list, or stop it',
    cause: error,
  });
}
