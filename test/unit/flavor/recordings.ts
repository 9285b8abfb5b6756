import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Row} from '../../../src/lib/flavor/flavor.ts';
import {flavorOf} from '../../../src/lib/flavor/flavors.ts';

export type Family = 'mariadb' | 'mysql9' | 'mysql56';

/** What `record.ts` wrote down of one family. */
export function recording(family: Family): Readonly<Record<string, readonly Row[]>> {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'recorded', `${family}.json`), 'utf8')) as Record<string, Row[]>;
}

/** The flavor of the server that was recorded. */
export function recordedFlavor(family: Family) {
  return flavorOf(recording(family)['version']![0] as unknown as {version: string; versionComment: string});
}

export const flavor = (version: string, versionComment = '') => flavorOf({version, versionComment});
