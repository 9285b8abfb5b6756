import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fetchServer} from './fetch.ts';

/**
 * What a process must have in its environment for a clock that is so many seconds fast, or slow: only the time of day is wrong, as
 * where nobody sets clocks; what is measured by the monotonic clock stays right.
 */
export async function clockOff(seconds: number): Promise<NodeJS.ProcessEnv> {
  const {folder} = await fetchServer('faketime');
  return {
    LD_PRELOAD: libraryIn(join(folder, 'usr/lib')),
    FAKETIME: `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Waits by the monotonic clock would end late or never: MySQL does not come up in a minute.
    FAKETIME_FORCE_MONOTONIC_FIX: '0',
  };
}

/** For programs with threads, which servers and Node.js are. */
function libraryIn(base: string): string {
  const found = readdirSync(base, {recursive: true, encoding: 'utf8'}).find((path) => path.endsWith('libfaketimeMT.so.1'));
  if (found === undefined) throw new Error(`No libfaketime below ${base}; remove that folder and fetch faketime again.`);
  return join(base, found);
}
