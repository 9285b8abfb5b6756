import {readFile} from 'node:fs/promises';
import type {Plugin} from 'esbuild';
import type {Violation} from './invariants.ts';

interface Edit {
  /** End of the path of a source. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A program that lacks a protection, and what must come to light then. */
export interface Canary {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Part of the name of the scenario that shows it. */
  readonly scenario: string;
  readonly violation: Violation['code'];
}

export const CANARIES: readonly Canary[] = [
  {
    name: 'no confirmation: who does not answer the leader is dead',
    edits: [
      {file: 'execute/eyes/confirm.ts', find: 'undecided: !answers && unsettled', put: 'undecided: unsettled && false'},
      {file: 'analysis/evidence.ts', find: 'gone: agrees.length > 0 && !voices.some((voice) => voice.stillReceives)', put: 'gone: true'},
      {
        file: 'analysis/conditions.ts',
        find: 'givenUp: readonly Condition[] = [someReplicaReached, noneReplicates, agreedGone];',
        put: 'givenUp: readonly Condition[] = [someReplicaReached];',
      },
    ],
    scenario: 'leader cut off from the source only',
    violation: 'undue-recovery',
  },
  {
    name: 'no fencing: a lock that was taken over is still good',
    edits: [
      {file: 'coordination/lock/hold.ts', find: 'return matched === 1;', put: 'return matched >= 0;'},
      {
        file: 'coordination/lock/hold.ts',
        find: 'return now + timeout < hold.validUntil;',
        put: 'return now + timeout > 0 && hold !== null;',
      },
      {
        file: 'coordination/lock/keep.ts',
        find: 'hold !== null && !stopping.signal.aborted && mayStillSend(hold, timeout)',
        put: 'timeout > 0',
      },
      // It would stop there too.
      {file: 'execute/conduct.ts', find: 'if (!verdict.dead) throw', put: 'if (!verdict.dead && verdict.because.length === 0) throw'},
    ],
    scenario: 'leader stopped in the middle of a recovery',
    violation: 'stale-fence',
  },
  {
    name: 'no drain: what a replica received and did not apply is dropped',
    edits: [
      {
        file: 'execute/steps/drain.ts',
        find: 'while (!(await applied(hand, received, standing)))',
        put: 'while (performance.now() > until && !(await applied(hand, received, standing)))',
      },
    ],
    scenario: 'replicas have more than they have applied',
    violation: 'lost-write',
  },
];

/**
 * Takes a protection out of the program while it is built.
 *
 * @throws Error in the build when a source does not hold what is to be replaced: then the canary has to follow the source
 */
export function without({edits}: Canary): Plugin {
  return {
    name: 'canary',
    setup(build) {
      build.onLoad({filter: /\.ts$/}, async ({path}) => {
        const mine = edits.filter(({file}) => path.endsWith(file));
        if (mine.length === 0) return null;
        let contents = await readFile(path, 'utf8');
        for (const {find, put} of mine) {
          if (!contents.includes(find)) throw new Error(`${path} does not hold "${find}" any more`);
          contents = contents.replaceAll(find, put);
        }
        return {contents, loader: 'ts'};
      });
    },
  };
}
