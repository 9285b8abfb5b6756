import {readFile} from 'node:fs/promises';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Json} from '../config/json.ts';
import type {Webhook} from '../config/webhooks.ts';
import {messageOf} from '../errors/errors.ts';
import type {Milliseconds} from '../model/units.ts';
import {fillPlaceholders} from './facts.ts';
import type {Ended} from './process.ts';

export interface WebhookCall {
  readonly hook: Webhook;
  /** Texts by placeholder. */
  readonly values: ReadonlyMap<string, string>;
  /** Of all tries and the pauses between them. */
  readonly timeout: Milliseconds;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How much of an answer is kept. */
const KEPT_BYTES = 500;
const FIRST_PAUSE: Milliseconds = 500;
/** Whoever answers so may answer otherwise a moment later. */
const WORTH_ANOTHER_TRY = [408, 425, 429];

interface Answer {
  readonly status: number;
  readonly text: string;
}

type Try = {readonly answer: Answer} | {readonly problem: string};

/** Sends one webhook, again where the other side cannot be reached, is busy or fails. Never rejects: what went wrong is part of the answer. */
export async function callWebhook(call: WebhookCall): Promise<Ended> {
  const {hook, timeout} = call;
  const deadline = AbortSignal.timeout(timeout);
  let request: Request;
  try {
    request = await requestOf(call);
  } catch (error) {
    return ended('not-started', {problem: `could not be sent: ${messageOf(error)}`});
  }
  for (let tried = 1, pause = FIRST_PAUSE; ; tried++, pause *= 2) {
    const end = await once(request.clone(), AbortSignal.any([deadline, AbortSignal.timeout(hook.timeoutSeconds * 1000)]));
    if ('answer' in end && end.answer.status >= 200 && end.answer.status < 300) return ended('ok', {output: told(end.answer)});
    const times = tried === 1 ? '' : ` after ${tried} tries`;
    const problem = 'problem' in end ? `${end.problem}${times}` : `was answered ${end.answer.status}${times}`;
    const output = 'answer' in end ? told(end.answer) : '';
    if (deadline.aborted) return ended('timed-out', {problem: `${problem}; there are ${timeout / 1000} s for all tries`, output});
    if (tried > hook.retries || !mayHelp(end)) return ended('failed', {problem, output});
    await sleep(pause, undefined, {signal: deadline}).catch(ignoreAbort);
  }
}

/** As written in the configuration: what is secret in it is put in only when it is sent. */
export function webhookText({method, url}: Webhook): string {
  return `${method} ${url}`;
}

async function requestOf({hook, values, env}: WebhookCall): Promise<Request> {
  const headers = new Headers({
    'Content-Type': 'application/json',
    'User-Agent': 'orchestrator',
    'X-Orchestrator-Recovery-UID': values.get('recoveryUID') ?? '',
    'X-Orchestrator-Recovery-Attempt': values.get('attempt') ?? '',
  });
  for (const [name, value] of Object.entries(hook.headers)) headers.set(name, await withSecrets(value, env));
  const payload = hook.template === null ? Object.fromEntries(values) : filled(hook.template, values);
  // A redirection would take headers to somebody who is not named in the configuration.
  return new Request(await withSecrets(hook.url, env), {method: hook.method, headers, body: JSON.stringify(payload), redirect: 'manual'});
}

/** Within texts only: a value never becomes more than text. */
function filled(template: Json, values: ReadonlyMap<string, string>): Json {
  if (typeof template === 'string') return fillPlaceholders(template, values);
  if (Array.isArray(template)) return (template as readonly Json[]).map((item) => filled(item, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, item]) => [name, filled(item, values)]));
}

/** `${NAME}` from the environment, `${file:PATH}` from a file, without the white space around it. @throws Error when there is none */
async function withSecrets(text: string, env: WebhookCall['env']): Promise<string> {
  let whole = text;
  for (const [written, name = ''] of text.matchAll(/\$\{([^}]+)\}/g)) {
    const value = name.startsWith('file:') ? (await readFile(name.slice('file:'.length), 'utf8')).trim() : env[name];
    if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
    whole = whole.replace(written, () => value);
  }
  return whole;
}

async function once(request: Request, signal: AbortSignal): Promise<Try> {
  try {
    const response = await fetch(request, {signal});
    return {answer: {status: response.status, text: await beginning(response)}};
  } catch (error) {
    if (signal.aborted) return {problem: 'was not answered in time'};
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {problem: `could not be sent: ${messageOf(cause)}`};
  }
}

async function beginning(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).length;
    if (length >= KEPT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, KEPT_BYTES).toString('utf8');
}

function mayHelp(end: Try): boolean {
  return 'problem' in end || end.answer.status >= 500 || WORTH_ANOTHER_TRY.includes(end.answer.status);
}

function told({status, text}: Answer): string {
  return `${status} ${text}`.trim();
}

function ended(how: Ended['how'], more: Partial<Ended>): Ended {
  return {how, exitCode: null, signal: null, output: '', droppedBytes: 0, problem: null, ...more};
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
