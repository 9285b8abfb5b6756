import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {waitFor} from '../../test/sandbox/index.ts';

const LEADS_WITHIN = 30_000;
const STOP_WITHIN = 10_000;
const ANSWER_WITHIN = 5_000;

/** An argument of `serve`: it stands for no election. */
export const ONLY_ANSWERS = '--discovery=false';

/** One line of the service's log. */
export interface LogLine {
  /** Milliseconds since 1970, as the line itself says. */
  readonly at: number;
  readonly level: string;
  readonly text: string;
}

/** A running `serve`. */
export interface Service {
  readonly pid: number;
  /** http://127.0.0.1:PORT */
  readonly address: string;
  /** All it has written so far. */
  readonly log: readonly LogLine[];
  /** The JSON of an API path. */
  api<Answer>(path: string): Promise<Answer>;
  /** SIGTERM, and SIGKILL when it does not comply. */
  stop(): Promise<void>;
}

/** Starts the service and returns when it leads, or answers where it is told not to. @throws Error with its last words when it ends or is too late */
export async function startService(
  line: {readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv},
  port: number,
): Promise<Service> {
  const isReady = line.args.includes(ONLY_ANSWERS) ? answers : leads;
  // Of its own session, so that Ctrl-C ends it through us and in order.
  const child = spawn(line.command, [...line.args], {env: line.env, stdio: ['ignore', 'ignore', 'pipe'], detached: true});
  const log: LogLine[] = [];
  const raw: string[] = [];
  createInterface({input: child.stderr}).on('line', (text) => {
    raw.push(text);
    const parsed = parseLine(text);
    if (parsed) log.push(parsed);
  });
  await once(child, 'spawn');
  const service: Service = {
    pid: child.pid ?? 0,
    address: `http://127.0.0.1:${port}`,
    log,
    api: (path) => get(`http://127.0.0.1:${port}/api/${path}`),
    stop: () => stop(child),
  };
  try {
    await waitFor('the service is ready', () => hasEnded(child) || isReady(port), {within: LEADS_WITHIN});
    if (hasEnded(child)) throw new Error('the service ended by itself');
    return service;
  } catch (error) {
    await stop(child);
    throw new Error(`${(error as Error).message}; it said: ${raw.slice(-5).join(' | ') || 'nothing'}`, {cause: error});
  }
}

/** `YYYY-MM-DD HH:MM:SS.mmm LEVEL sentence`, in local time. */
function parseLine(line: string): LogLine | null {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3}) ([A-Z]+) (.*)$/.exec(line);
  return match ? {at: Date.parse(`${match[1]}T${match[2]}`), level: match[3] ?? '', text: match[4] ?? ''} : null;
}

async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/health/live`, {signal: AbortSignal.timeout(ANSWER_WITHIN)});
  await answer.arrayBuffer();
  return answer.ok;
}

async function leads(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/leader-check`, {signal: AbortSignal.timeout(ANSWER_WITHIN)});
  await answer.arrayBuffer();
  return answer.ok;
}

async function get<Answer>(url: string): Promise<Answer> {
  const answer = await fetch(url, {signal: AbortSignal.timeout(ANSWER_WITHIN)});
  return (await answer.json()) as Answer;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = new AbortController();
  const late = sleep(STOP_WITHIN, 'late', {signal: patience.signal}).catch(() => 'ended');
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  await ended;
  patience.abort();
}
