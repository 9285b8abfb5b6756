import {messageOf, OrchestratorError} from '../errors/errors.ts';

/** Something that keeps a source from being published or withdrawn, named by where. */
export function directoryError(name: string, what: string, cause?: unknown): OrchestratorError {
  return new OrchestratorError('DIRECTORY_FAILED', `${name} ${what}`, {
    hint: 'look at that service and its address and credentials in the configuration; what is missing there is written again by the leader',
    ...(cause === undefined ? {} : {cause}),
  });
}

/** The same from whatever was thrown; what is an error of ours already stays one. */
export function asDirectoryError(name: string, error: unknown, signal: AbortSignal): OrchestratorError {
  if (error instanceof OrchestratorError) return error;
  if (signal.aborted) return directoryError(name, 'did not answer in time', error);
  return directoryError(name, `could not be asked: ${messageOf(error)}`, error);
}
