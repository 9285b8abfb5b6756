import {spawn, type ChildProcess} from 'node:child_process';
import {subscribe} from 'node:diagnostics_channel';
import type {Log} from './lib/coordination/keep-renewing.ts';
import type {Milliseconds, Monotonic} from './lib/model/units.ts';
import {auditSentence, type AuditEntry} from './lib/operations/audit-trail.ts';

/** Severities of syslog, with facility `user`. */
const PRIORITIES = {info: 14, warn: 12, error: 11} as const;

/** After `logger` could not be started, lines are dropped for so long. */
const PAUSE_MS: Milliseconds = 60_000;

export interface Syslog {
  readonly log: Log;
}

/**
 * Sends lines to the syslog of this machine, tagged `orchestrator`, through `logger`, which knows where that is: a socket of a kind
 * that Node cannot open. It is started with the first line, and again when it ended; it never keeps this process from ending.
 *
 * @param onProblem told once when lines cannot be sent
 */
export function openSyslog(onProblem: (sentence: string) => void, env: NodeJS.ProcessEnv = process.env): Syslog {
  let child: ChildProcess | null = null;
  let told = false;
  let notBefore: Monotonic = 0;
  const failed = (error: Error): void => {
    child = null;
    notBefore = performance.now() + PAUSE_MS;
    if (!told) onProblem(`nothing is sent to syslog: ${error.message}`);
    told = true;
  };
  const start = (): ChildProcess => {
    const started = spawn('logger', ['--tag', 'orchestrator', '--prio-prefix'], {stdio: ['pipe', 'ignore', 'ignore'], env});
    started.on('error', failed).on('exit', () => {
      if (child === started) child = null;
    });
    started.stdin?.on('error', failed);
    started.unref();
    return started;
  };
  return {
    log(level, sentence) {
      if (child === null && performance.now() < notBefore) return;
      child ??= start();
      child.stdin?.write(`<${PRIORITIES[level]}>${sentence.replaceAll(/\s*\n\s*/g, ' | ')}\n`);
    },
  };
}

/** Sends every audit line of this process there too (AuditToSyslog). */
export function auditToSyslog({log}: Syslog): void {
  subscribe('orchestrator:audit', (entry) => log('info', auditSentence(entry as AuditEntry)));
}
