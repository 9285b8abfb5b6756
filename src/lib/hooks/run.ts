import {channel} from 'node:diagnostics_channel';
import {OrchestratorError} from '../errors/errors.ts';
import type {Config} from '../config/keys.ts';
import {readWebhook, type HookListName, type Webhook} from '../config/webhooks.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {fillPlaceholders, hookVariables, placeholdersOf, type HookFacts} from './facts.ts';
import {runCommand, type Ended} from './process.ts';
import {fillQuoted} from './quote.ts';
import {callWebhook, webhookText} from './webhook.ts';

export type HookList = HookListName;

/** Lists of which the first failing hook keeps the rest from running, and stops what they precede. */
export const STOPPING_LISTS: readonly HookList[] = ['OnFailureDetectionProcesses', 'PreGracefulTakeoverProcesses', 'PreFailoverProcesses'];

/** The hooks of one list, as configured. */
export interface Hooks {
  readonly list: HookList;
  /** As configured: trimmed here; one that ends in `&` runs in the background and its failure matters to nobody. */
  readonly commands: readonly string[];
  /** Sent after the commands. */
  readonly webhooks?: readonly Webhook[];
  /** HookRawPlaceholders: values are put into commands as they are. */
  readonly raw?: boolean;
  /** ProcessesShellCommand. */
  readonly shell: string;
  /** Run no further hook after one that failed. */
  readonly stopOnFailure: boolean;
  /** HookTimeoutSeconds; a hook that takes longer is killed with all that it started, and has failed. Ten minutes when absent. */
  readonly timeout?: Milliseconds;
}

export interface HookRun extends Hooks {
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

/** The hooks of one list, and how they are run. Null when there are none. */
export function hooksOf(config: Config, list: HookList): Hooks | null {
  const commands = config[list];
  const webhooks = config.HTTPHooks.flatMap((entry) => {
    const read = readWebhook(entry);
    return 'problem' in read || !read.lists.includes(list) ? [] : [read];
  });
  if (commands.length + webhooks.length === 0) return null;
  return {
    list,
    commands,
    webhooks,
    raw: config.HookRawPlaceholders,
    shell: config.ProcessesShellCommand,
    stopOnFailure: STOPPING_LISTS.includes(list),
    timeout: config.HookTimeoutSeconds * 1000,
  };
}

export const DEFAULT_HOOK_TIMEOUT: Milliseconds = 600_000;

/** What the hooks of one list are told. */
interface Told {
  readonly variables: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** For webhooks. */
  readonly values: ReadonlyMap<string, string>;
  fill(command: string): string;
}

/**
 * Runs the hooks of one list, one after the other, in the order of the configuration, commands before webhooks. A hook may run more than
 * once for one recovery, when whoever ran it died: then with the same ORC_RECOVERY_UID and a higher ORC_RECOVERY_ATTEMPT.
 *
 * @returns one outcome for each hook that was run; a failing hook is an outcome, never an error
 */
export async function runHooks({facts, ...run}: HookRun & {readonly facts: HookFacts}): Promise<readonly HookOutcome[]> {
  const values = placeholdersOf(facts);
  const fill = (command: string): string => (run.raw ? fillPlaceholders(command, values) : fillQuoted(command, (name) => values.get(name)));
  return await runList(run, {variables: hookVariables(facts), args: [], values, fill});
}

/** Who replaced whom, for PostTakeMasterProcesses: they know no placeholders, and variables and arguments as `host:port`. */
export interface TakenOver {
  readonly successor: InstanceKey;
  readonly demoted: InstanceKey;
}

/** Runs PostTakeMasterProcesses: `$1` is the new source, `$2` the demoted one. */
export async function runTakeoverHooks({
  taken,
  uid,
  attempt,
  ...run
}: HookRun & {readonly taken: TakenOver; readonly uid: string; readonly attempt: number}): Promise<readonly HookOutcome[]> {
  const successor = keyText(taken.successor);
  const demoted = keyText(taken.demoted);
  const told = {ORC_SUCCESSOR_HOST: successor, ORC_FAILED_HOST: demoted};
  const variables = {...told, ORC_RECOVERY_UID: uid, ORC_RECOVERY_ATTEMPT: `${attempt}`};
  const values = new Map(Object.entries({successor, demoted, recoveryUID: uid, attempt: `${attempt}`}));
  return await runList(run, {variables, args: [successor, demoted], values, fill: (command) => command});
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
  const hooks = startersOf(run, told);
  if (hooks.length === 0) await onStep(`${list}: there are none`);
  const outcomes: HookOutcome[] = [];
  for (const [index, hook] of hooks.entries()) {
    const outcome = await runOne(run, hook, {number: index + 1, of: hooks.length});
    outcomes.push(outcome);
    if (!run.stopOnFailure || failedHook([outcome]) === undefined) continue;
    if (outcome.number < hooks.length) await onStep(`${list}: the remaining ${hooks.length - outcome.number} are not run`);
    break;
  }
  return outcomes;
}

/** One command or webhook, ready to be started. */
interface Starter {
  /** As shown to people. */
  readonly text: string;
  readonly background: boolean;
  start(): Promise<Ended>;
}

function startersOf(run: HookRun, told: Told): readonly Starter[] {
  const env = run.env ?? process.env;
  const timeout = run.timeout ?? DEFAULT_HOOK_TIMEOUT;
  const commands = run.commands
    .map((command) => command.trim())
    .filter((command) => command !== '')
    .map((command): Starter => {
      const background = command.endsWith('&');
      const text = told.fill(background ? command.replace(/&+$/, '').trimEnd() : command);
      const variables = {...env, ...told.variables};
      return {
        text,
        background,
        start: () => runCommand({text, args: told.args, env: variables, shell: run.shell, timeout, background}),
      };
    });
  const webhooks = (run.webhooks ?? []).map((hook): Starter => ({
    text: webhookText(hook),
    background: hook.background,
    start: () => callWebhook({hook, values: told.values, timeout, env}),
  }));
  return [...commands, ...webhooks];
}

async function runOne(run: HookRun, hook: Starter, {number, of}: {readonly number: number; readonly of: number}): Promise<HookOutcome> {
  const {list, onStep} = run;
  const called = `${list}: hook ${number} of ${of}`;
  await onStep(`${called} ${hook.background ? 'starts in the background' : 'starts'}: ${hook.text}`);
  const began = performance.now();
  const running = hook.start();
  const outcome = (ended: Ended): HookOutcome => ({...ended, list, number, command: hook.text, took: performance.now() - began});
  if (hook.background) {
    void running.then((ended) => {
      publish(outcome(ended));
      run.onBackgroundEnd?.(outcome(ended));
    });
    return {...outcome({how: 'ok', exitCode: null, signal: null, output: '', droppedBytes: 0, problem: null}), how: 'background'};
  }
  const done = outcome(await running);
  publish(done);
  await onStep(`${called} ${done.problem ?? 'succeeded'} after ${(done.took / 1000).toFixed(2)} s${said(done.output)}`);
  return done;
}

/** The beginning and the end of what a hook printed, or was answered, in one line for the record. */
function said(output: string): string {
  const text = output.replaceAll(/\s+/g, ' ').trim();
  if (text === '') return '';
  return `: ${text.length > 1000 ? `${text.slice(0, 500)} […] ${text.slice(-500)}` : text}`;
}

/** For whoever counts hooks. */
function publish({list, how, took}: HookOutcome): void {
  channel('orchestrator:hook').publish({list, how, seconds: took / 1000});
}
