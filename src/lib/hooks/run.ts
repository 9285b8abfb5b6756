import {channel} from 'node:diagnostics_channel';
import {OrchestratorError} from '../errors/errors.ts';
import type {KeyName} from '../config/keys.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {fillPlaceholders, hookVariables, type HookFacts} from './facts.ts';
import {runCommand, type Ended, type HookCommand} from './process.ts';

/** Lists of hooks, by the key that configures them. */
export type HookList = Extract<KeyName, `${string}Processes`>;

/** Lists of which the first failing hook keeps the rest from running, and stops what they precede. */
export const STOPPING_LISTS: readonly HookList[] = ['OnFailureDetectionProcesses', 'PreGracefulTakeoverProcesses', 'PreFailoverProcesses'];

export interface HookRun {
  readonly list: HookList;
  /** As configured: trimmed here; one that ends in `&` runs in the background and its failure matters to nobody. */
  readonly commands: readonly string[];
  /** ProcessesShellCommand. */
  readonly shell: string;
  /** Run no further hook after one that failed. */
  readonly stopOnFailure: boolean;
  /** HookTimeoutSeconds; a hook that takes longer is killed with all that it started, and has failed. Ten minutes when absent. */
  readonly timeout?: Milliseconds;
  /** What hooks inherit beside the ORC_* variables; the environment of this process when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A sentence for the journal at each start and end, waited for; what it throws ends the run. */
  readonly onStep: (sentence: string) => void | Promise<void>;
  /** Called when a hook that was started in the background has ended. */
  readonly onBackgroundEnd?: (outcome: HookOutcome) => void;
}

export interface HookOutcome extends Omit<Ended, 'how'> {
  readonly list: HookList;
  /** From 1. */
  readonly number: number;
  /** With its placeholders replaced. */
  readonly command: string;
  /** `background` = was started, and is not waited for. */
  readonly how: Ended['how'] | 'background';
  readonly took: Milliseconds;
}

export const DEFAULT_HOOK_TIMEOUT: Milliseconds = 600_000;

/** What the hooks of one list are told. */
interface Told {
  readonly variables: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  fill(command: string): string;
}

/**
 * Runs the hooks of one list, one after the other, in the order of the configuration. A hook may run more than once for one
 * recovery, when whoever ran it died: then with the same ORC_RECOVERY_UID and a higher ORC_RECOVERY_ATTEMPT.
 *
 * @returns one outcome for each hook that was run; a failing hook is an outcome, never an error
 */
export async function runHooks({facts, ...run}: HookRun & {readonly facts: HookFacts}): Promise<readonly HookOutcome[]> {
  return await runList(run, {variables: hookVariables(facts), args: [], fill: (command) => fillPlaceholders(command, facts)});
}

/** Who replaced whom, for PostTakeMasterProcesses: they know no placeholders, and two variables and arguments as `host:port`. */
export interface TakenOver {
  readonly successor: InstanceKey;
  readonly demoted: InstanceKey;
}

/** Runs PostTakeMasterProcesses: `$1` is the new source, `$2` the demoted one. */
export async function runTakeoverHooks({
  taken,
  ...run
}: Omit<HookRun, 'list'> & {readonly taken: TakenOver}): Promise<readonly HookOutcome[]> {
  const successor = keyText(taken.successor);
  const demoted = keyText(taken.demoted);
  const variables = {ORC_SUCCESSOR_HOST: successor, ORC_FAILED_HOST: demoted};
  return await runList({...run, list: 'PostTakeMasterProcesses'}, {variables, args: [successor, demoted], fill: (command) => command});
}

/** The first hook that failed, if any did; those in the background never count. */
export function failedHook(outcomes: readonly HookOutcome[]): HookOutcome | undefined {
  return outcomes.find(({how}) => how !== 'ok' && how !== 'background');
}

/** A failed hook as an error to report; its output is in the hint, shortened. */
export function hookError(outcome: HookOutcome): OrchestratorError {
  const said = outcome.output.trim();
  const hint = said === '' ? 'it printed nothing' : `it printed: ${said.length > 500 ? `…${said.slice(-500)}` : said}`;
  return new OrchestratorError('HOOK_FAILED', `hook ${outcome.number} of ${outcome.list} ${outcome.problem ?? 'failed'}`, {hint});
}

async function runList(run: HookRun, told: Told): Promise<readonly HookOutcome[]> {
  const {list, onStep} = run;
  const commands = run.commands.map((command) => command.trim()).filter((command) => command !== '');
  if (commands.length === 0) await onStep(`${list}: there are none`);
  const outcomes: HookOutcome[] = [];
  for (const [index, command] of commands.entries()) {
    const outcome = await runOne(run, told, {command, number: index + 1, of: commands.length});
    outcomes.push(outcome);
    if (!run.stopOnFailure || failedHook([outcome]) === undefined) continue;
    if (outcome.number < commands.length) await onStep(`${list}: the remaining ${commands.length - outcome.number} are not run`);
    break;
  }
  return outcomes;
}

interface Position {
  readonly command: string;
  readonly number: number;
  readonly of: number;
}

async function runOne(run: HookRun, told: Told, {command, number, of}: Position): Promise<HookOutcome> {
  const {list, onStep} = run;
  const background = command.endsWith('&');
  const text = told.fill(background ? command.replace(/&+$/, '').trimEnd() : command);
  const called = `${list}: hook ${number} of ${of}`;
  await onStep(`${called} ${background ? 'starts in the background' : 'starts'}: ${text}`);
  const began = performance.now();
  const running = runCommand(processOf(run, told, {text, background}));
  const outcome = (ended: Ended): HookOutcome => ({...ended, list, number, command: text, took: performance.now() - began});
  if (background) {
    void running.then((ended) => {
      publish(outcome(ended));
      run.onBackgroundEnd?.(outcome(ended));
    });
    return {...outcome({how: 'ok', exitCode: null, signal: null, output: '', droppedBytes: 0, problem: null}), how: 'background'};
  }
  const done = outcome(await running);
  publish(done);
  await onStep(`${called} ${done.problem ?? 'succeeded'} after ${(done.took / 1000).toFixed(2)} s`);
  return done;
}

/** For whoever counts hooks. */
function publish({list, how, took}: HookOutcome): void {
  channel('orchestrator:hook').publish({list, how, seconds: took / 1000});
}

function processOf(run: HookRun, told: Told, {text, background}: Pick<HookCommand, 'text' | 'background'>): HookCommand {
  const env = {...(run.env ?? process.env), ...told.variables};
  return {text, args: told.args, env, shell: run.shell, timeout: run.timeout ?? DEFAULT_HOOK_TIMEOUT, background};
}
