import {describe, expect, test} from 'vitest';
import {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import {actText, type Act, type JournaledAct} from '../../../src/lib/execute/journal/acts.ts';
import {runActs, type ActEnd, type Journal, type Progress} from '../../../src/lib/execute/journal/run.ts';
import {key} from '../support/given.ts';

const step = (name: string): Act => ({do: 'step', step: {do: 'drain', on: key(name), source: key('a')}});
const act = (number: number, stage: number, more: Partial<JournaledAct> = {}): JournaledAct => ({
  number,
  stage,
  weight: 'must',
  act: step(`n${number}`),
  ...more,
});
const hostOf = (one: Act): string => (one.do === 'step' ? one.step.on.host : one.do);

/** A journal that remembers what was written into it, and in which order with what was done. */
function ledger(): {journal: Journal; lines: string[]} {
  const lines: string[] = [];
  const words = (ended: readonly ActEnd[], starting: readonly JournaledAct[]): string =>
    [...ended.map((end) => `${end.state} ${end.number}`), ...starting.map(({number}) => `start ${number}`)].join(', ');
  return {lines, journal: {advance: async (ended, starting) => void lines.push(`[${words(ended, starting)}]`)}};
}

const broken = (): never => {
  throw new OrchestratorError('REPLICATION_BROKEN', 'it is broken');
};

describe('running a journaled plan', () => {
  test('each stage is written down before it begins, and its end with the start of the next', async () => {
    const {journal, lines} = ledger();
    const perform = async (one: Act): Promise<string> => {
      lines.push(hostOf(one));
      return 'done';
    };
    const end = await runActs({textOf: actText, acts: [act(0, 0), act(1, 1), act(2, 1), act(3, 2)], progress: new Map(), journal, perform});
    expect(lines).toEqual(['[start 0]', 'n0', '[done 0, start 1, start 2]', 'n1', 'n2', '[done 1, done 2, start 3]', 'n3', '[done 3]']);
    expect(end).toEqual({failed: [], stoppedBy: null});
  });

  test('what is done is left alone, what was started is done again with the next attempt', async () => {
    const progress = new Map<number, Progress>([
      [0, {state: 'done', attempt: 1, outcome: ''}],
      [1, {state: 'started', attempt: 2, outcome: ''}],
    ]);
    const attempts: string[] = [];
    const perform = async (one: Act, attempt: number): Promise<string> => String(attempts.push(`${hostOf(one)} ${attempt}`));
    await runActs({textOf: actText, acts: [act(0, 0), act(1, 1), act(2, 2)], progress, journal: ledger().journal, perform});
    expect(attempts).toEqual(['n1 3', 'n2 1']);
  });

  test('a failing must ends the run after its stage; nothing of the next stage begins', async () => {
    const {journal, lines} = ledger();
    const perform = async (one: Act): Promise<string> => (hostOf(one) === 'n1' ? broken() : 'done');
    const end = await runActs({textOf: actText, acts: [act(0, 0), act(1, 1), act(2, 1), act(3, 2)], progress: new Map(), journal, perform});
    expect(lines).toEqual(['[start 0]', '[done 0, start 1, start 2]', '[failed 1, done 2]']);
    expect(end.stoppedBy?.act.number).toBe(1);
    expect(end.stoppedBy?.because).toContain('it is broken');
  });

  test.each(['lost', 'note'] as const)('a failing %s is told, and the run goes on', async (weight) => {
    const perform = async (one: Act): Promise<string> => (hostOf(one) === 'n0' ? broken() : 'done');
    const end = await runActs({
      textOf: actText,
      acts: [act(0, 0, {weight}), act(1, 1)],
      progress: new Map(),
      journal: ledger().journal,
      perform,
    });
    expect(end.stoppedBy).toBeNull();
    expect(end.failed.map(({act: {number}}) => number)).toEqual([0]);
  });

  test.each([
    {what: 'a lost lock', error: new OrchestratorError('DEADLINE_PASSED', 'the lock is gone')},
    {what: 'a bug', error: new TypeError('x is not a function')},
  ])('$what ends everything at once: nothing is written as failed', async ({error}) => {
    const {journal, lines} = ledger();
    const run = runActs({
      textOf: actText,
      acts: [act(0, 0), act(1, 1)],
      progress: new Map(),
      journal,
      perform: () => Promise.reject(error),
    });
    await expect(run).rejects.toBe(error);
    expect(lines).toEqual(['[start 0]']);
  });

  test('a journal that is no longer ours stops the run before the next effect', async () => {
    const done: string[] = [];
    const journal: Journal = {
      advance: async (ended) => {
        if (ended.length > 0) throw new OrchestratorError('DEADLINE_PASSED', 'somebody else holds the lock');
      },
    };
    const perform = async (one: Act): Promise<string> => String(done.push(hostOf(one)));
    await expect(runActs({textOf: actText, acts: [act(0, 0), act(1, 1)], progress: new Map(), journal, perform})).rejects.toThrow(
      'somebody else',
    );
    expect(done).toEqual(['n0']);
  });
});
