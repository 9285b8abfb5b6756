import {isCode, OrchestratorError} from '../errors/errors.ts';

/** The numbers a server's version starts with: 10, 11, 18 of `10.11.18-MariaDB-log`. Missing ones are 0. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/**
 * Reads `@@version`. MariaDB's handshake hides its own version behind `5.5.5-`; that prefix is taken off.
 *
 * @throws OrchestratorError SERVER_UNKNOWN when the text does not start with a number
 */
export function parseVersion(text: string): Version {
  const match = /^(?:5\.5\.5-(?=\d+\.\d+.*mariadb))?(\d+)(?:\.(\d+))?(?:\.(\d+))?/i.exec(text);
  if (!match) throw new OrchestratorError('SERVER_UNKNOWN', `${JSON.stringify(text)} is not a server version`);
  return {major: Number(match[1]), minor: Number(match[2] ?? 0), patch: Number(match[3] ?? 0)};
}

/** As `parseVersion`, but null for what cannot be read. */
export function readVersion(text: string): Version | null {
  try {
    return parseVersion(text);
  } catch (error) {
    if (isCode(error, 'SERVER_UNKNOWN')) return null;
    throw error;
  }
}

/** Negative when `a` is older. By number, so that 10.6 comes before 10.11. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Only the first two numbers count: what replication between servers depends on. */
export function compareMajorVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor;
}

/** @throws OrchestratorError SERVER_UNKNOWN when one of the texts is no version */
export function atLeast(version: string, wanted: string): boolean {
  return compareVersions(parseVersion(version), parseVersion(wanted)) >= 0;
}
