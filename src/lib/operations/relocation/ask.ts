import {compilePattern} from '../../config/pattern.ts';
import {OrchestratorError, type ErrorCode} from '../../errors/errors.ts';
import type {MoveOutcome} from '../../execute/relocation/conduct.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {LeftAlone, Only, RelocationPlan, RelocationRefusal, RelocationWish} from '../../plan/relocation/plan.ts';
import {destination, instance} from '../addressing.ts';
import type {Context} from '../context.ts';
import type {Field} from '../define.ts';
import {dryRun, flag, optionalDuration} from '../fields.ts';

export const SECTION = 'Relocation';

/** Fields that every command of this section takes. */
export const COMMON = {
  instance: instance('the instance'),
  noop: dryRun(),
  allowErrant: flag('allow-errant', 'go on although errant transactions of the new source spread to those moved below it; this is audited'),
  wait: optionalDuration({
    name: 'wait',
    value: '30s',
    about: 'queue for so long when another operation is changing one of the servers; without it fail at once',
  }),
};

/** What the fields say. */
export interface Given {
  readonly instance: InstanceKey;
  readonly noop: boolean;
  readonly allowErrant: boolean;
  readonly wait: number | null;
}

export const EXITS = {
  1: 'attempted, and not all are where they should be',
  4: 'refused: nothing was changed',
  7: 'another operation is changing one of the servers',
} as const;

/** A destination that has to be there. */
export function target(about: string): Field<InstanceKey> {
  const field = destination(about);
  return {
    ...field,
    required: true,
    read(texts) {
      if (texts['destination'] === undefined && texts['sibling'] === undefined)
        throw new OrchestratorError('INPUT_INVALID', `--destination is missing: ${about}`);
      const lookup = field.read(texts);
      return async (context) => (await lookup(context)) as InstanceKey;
    },
  };
}

/** Which of several replicas, by an expression on `host:port`; all of them where it is absent. */
export function only(): Field<Only> {
  return {
    options: [{name: 'pattern', value: 'EXPRESSION', about: 'only replicas whose host:port this expression matches'}],
    required: false,
    read(texts) {
      const given = texts['pattern'];
      if (given === undefined || given === '') return () => null;
      const expression = compilePattern(given);
      if (expression === null)
        throw new OrchestratorError('INPUT_INVALID', `--pattern ${JSON.stringify(given)} is not a regular expression`);
      return () => (key) => expression.test(keyText(key));
    },
  };
}

/** What a relocation came to, done or only planned. */
export interface Relocated {
  readonly noop: boolean;
  readonly plan: RelocationPlan;
  /** '' where there was nothing to do, or nothing was to be done. */
  readonly uid: string;
  readonly outcomes: readonly MoveOutcome[];
  readonly errors: readonly string[];
  /** The instance that was named, as it is afterwards. */
  readonly subject: Instance | null;
}

/** Which wish, without what all have in common. */
export type Wanted = RelocationWish extends infer Wish
  ? Wish extends RelocationWish
    ? Omit<Wish, 'command' | 'allowErrant' | 'instance'>
    : never
  : never;

/**
 * Does it, or plans it. Remarks, those that are left alone, and what went wrong are told beside the result.
 *
 * @throws OrchestratorError REFUSED, NOT_FOUND, CONTENDED
 */
export async function relocate(context: Context, command: string, wish: {given: Given; wanted: Wanted}): Promise<Relocated> {
  const done = await attempt(context, command, wish);
  for (const problem of problemsOf(done)) context.warn(problem);
  return done;
}

async function attempt(context: Context, command: string, {given, wanted}: {given: Given; wanted: Wanted}): Promise<Relocated> {
  const {instance: key, noop: planOnly, allowErrant, wait} = given;
  const wish = {...wanted, command, allowErrant, instance: key} as RelocationWish;
  const answer = await context.relocate({wish, noop: planOnly, wait: (wait ?? 0) * 1000});
  if (answer.outcome === 'refused') throw refusal(command, key, answer.why);
  const {plan} = answer;
  if (answer.outcome === 'planned') return {noop: true, plan, uid: '', outcomes: [], errors: [], subject: null};
  for (const remark of plan.remarks) context.warn(remark);
  for (const one of plan.left) context.warn(leftText(one));
  const {uid, outcomes, errors, subject} = answer;
  return {noop: false, plan, uid, outcomes, errors, subject};
}

/** For commands about one instance: that it is not where it should be is a failure. */
export async function relocateOne(context: Context, command: string, wish: {given: Given; wanted: Wanted}): Promise<Relocated> {
  const done = await attempt(context, command, wish);
  const problems = problemsOf(done);
  if (problems.length === 0) return done;
  throw new OrchestratorError(
    'REPLICATION_BROKEN',
    `${command} of ${keyText(wish.given.instance)} did not succeed: ${problems.join('; ')}`,
    {
      hint: `orchestrator audit-recovery-steps ${done.uid} shows how far it came`,
    },
  );
}

/** What went wrong, in sentences. */
export function problemsOf({outcomes, errors}: Pick<Relocated, 'outcomes' | 'errors'>): readonly string[] {
  return [...outcomes.flatMap(({ok, because}) => (ok ? [] : [because])), ...errors];
}

const NOT_FOUND: readonly string[] = ['unknown'];

export function refusal(command: string, key: InstanceKey, why: RelocationRefusal): OrchestratorError {
  const code: ErrorCode = NOT_FOUND.includes(why.code) ? 'NOT_FOUND' : 'REFUSED';
  return new OrchestratorError(
    code,
    `${command} of ${keyText(key)} was refused (${why.code}): ${why.because}`,
    why.hint === undefined ? {} : {hint: why.hint},
  );
}

function leftText({key, why}: LeftAlone): string {
  return `${keyText(key)} is left where it is (${why.code}): ${why.because}`;
}
