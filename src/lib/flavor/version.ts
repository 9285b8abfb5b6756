import type {FlavorName} from '../model/instance.ts';

/** Major, minor and patch number. */
export type Version = readonly [number, number, number];

/** What a server calls itself: `@@version` or the version in its greeting, and `@@version_comment` ('' when not known yet). */
export interface Identity {
  readonly version: string;
  readonly versionComment: string;
}

/**
 * The three numbers of `@@version`: `9.7.4-2`, `10.11.18-MariaDB-log`. MariaDB greets with `5.5.5-` before its own version, so
 * that old replicas accept it; that is taken off.
 */
export function parseVersion(text: string): Version {
  const [, major, minor, patch] = /^(?:5\.5\.5-(?=\d))?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)];
}

/** Whether a version is this one or a later one. */
export function atLeast(version: Version, [major, minor, patch]: Version): boolean {
  if (version[0] !== major) return version[0] > major;
  if (version[1] !== minor) return version[1] > minor;
  return version[2] >= patch;
}

export function familyOf({version, versionComment}: Identity): FlavorName {
  if (/mariadb/i.test(version)) return 'MariaDB';
  if (/maxscale/i.test(version)) return 'MaxScale';
  if (parseVersion(version)[0] === 0) return 'unknown';
  return /percona/i.test(versionComment) ? 'Percona' : 'MySQL';
}
