import {setTimeout as sleep} from 'node:timers/promises';
import type {Milliseconds} from '../../model/units.ts';

/** How long to look for something, and how often. */
export interface Patience {
  readonly within: Milliseconds;
  readonly every: Milliseconds;
}

/**
 * Looks until `look` gives something other than null, at least once.
 *
 * @returns what it gave, or null when the time was up
 */
export async function waitFor<Found>(look: () => Promise<Found | null>, {within, every}: Patience): Promise<Found | null> {
  const until = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() + every > until) return null;
    await sleep(every);
  }
}
