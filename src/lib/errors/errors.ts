/**
 * Everything that can be expected to go wrong, by name. A code is part of the interface: scripts match on it,
 * `docs/errors.md` explains it, and both tables below must know it before it compiles.
 */
export type ErrorCode =
  | 'USAGE'
  | 'INPUT_INVALID'
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_INVALID'
  | 'NOT_FOUND'
  | 'NOT_SUPPORTED'
  | 'FORBIDDEN'
  | 'REFUSED'
  | 'CONTENDED'
  | 'NOT_LEADER'
  | 'DEADLINE_PASSED'
  | 'BACKEND_UNREACHABLE'
  | 'BACKEND_ACCESS_DENIED'
  | 'BACKEND_READ_ONLY'
  | 'BACKEND_CONFLICT'
  | 'SCHEMA_MISSING'
  | 'SCHEMA_TOO_NEW'
  | 'SERVER_UNREACHABLE'
  | 'SERVER_ACCESS_DENIED'
  | 'SERVER_TIMEOUT'
  | 'SERVER_UNKNOWN'
  | 'SERVER_STATEMENT_FAILED'
  | 'REPLICATION_BROKEN'
  | 'RECOVERY_FAILED'
  | 'HOOK_FAILED'
  | 'DIRECTORY_FAILED'
  | 'OUTCOME_UNKNOWN';

/** Process exit statuses: 1 failed, 2 usage, 3 not found, 4 refused for safety, 5 backend unreachable, 6 outcome unknown, 7 contended. */
export const exitCodes = {
  USAGE: 2,
  INPUT_INVALID: 2,
  CONFIG_UNREADABLE: 1,
  CONFIG_INVALID: 1,
  NOT_FOUND: 3,
  NOT_SUPPORTED: 1,
  FORBIDDEN: 4,
  REFUSED: 4,
  CONTENDED: 7,
  NOT_LEADER: 1,
  DEADLINE_PASSED: 1,
  BACKEND_UNREACHABLE: 5,
  BACKEND_ACCESS_DENIED: 5,
  BACKEND_READ_ONLY: 5,
  BACKEND_CONFLICT: 5,
  SCHEMA_MISSING: 5,
  SCHEMA_TOO_NEW: 5,
  SERVER_UNREACHABLE: 1,
  SERVER_ACCESS_DENIED: 1,
  SERVER_TIMEOUT: 1,
  SERVER_UNKNOWN: 1,
  SERVER_STATEMENT_FAILED: 1,
  REPLICATION_BROKEN: 1,
  RECOVERY_FAILED: 1,
  HOOK_FAILED: 1,
  DIRECTORY_FAILED: 1,
  OUTCOME_UNKNOWN: 6,
} as const satisfies Record<ErrorCode, number>;

/** What the derived HTTP routes answer. The legacy routes answer 500 for every one of them (spec: any ERROR envelope is 500). */
export const httpStatuses = {
  USAGE: 400,
  INPUT_INVALID: 400,
  CONFIG_UNREADABLE: 500,
  CONFIG_INVALID: 500,
  NOT_FOUND: 404,
  NOT_SUPPORTED: 501,
  FORBIDDEN: 403,
  REFUSED: 409,
  CONTENDED: 409,
  NOT_LEADER: 409,
  DEADLINE_PASSED: 504,
  BACKEND_UNREACHABLE: 503,
  BACKEND_ACCESS_DENIED: 503,
  BACKEND_READ_ONLY: 503,
  BACKEND_CONFLICT: 503,
  SCHEMA_MISSING: 503,
  SCHEMA_TOO_NEW: 503,
  SERVER_UNREACHABLE: 502,
  SERVER_ACCESS_DENIED: 502,
  SERVER_TIMEOUT: 504,
  SERVER_UNKNOWN: 502,
  SERVER_STATEMENT_FAILED: 502,
  REPLICATION_BROKEN: 409,
  RECOVERY_FAILED: 500,
  HOOK_FAILED: 500,
  DIRECTORY_FAILED: 502,
  OUTCOME_UNKNOWN: 500,
} as const satisfies Record<ErrorCode, number>;

/** A failure somebody can do something about. The message says what, which instance, expected and found; the hint says what to do next. */
export class OrchestratorError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, more: {readonly hint?: string; readonly cause?: unknown} = {}) {
    super(message, more.cause === undefined ? undefined : {cause: more.cause});
    this.name = 'OrchestratorError';
    this.code = code;
    this.hint = more.hint;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}

/** True for an error of ours with one of these codes. */
export function isCode(error: unknown, ...codes: readonly ErrorCode[]): error is OrchestratorError {
  return error instanceof OrchestratorError && codes.includes(error.code);
}

/** The one sentence of any thrown value, for logs and outcomes; never a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ends a `switch` over a union: a new member does not compile until somebody decides. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
