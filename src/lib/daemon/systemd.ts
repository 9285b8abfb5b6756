import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {messageOf} from '../errors/errors.ts';
import type {Milliseconds} from '../model/units.ts';

const run = promisify(execFile);

/** What a service tells the supervisor that started it. Every call is answered, with or without one; none ever throws. */
export interface Supervision {
  /** The service does what it is for; from now on the watchdog is fed. `status` is shown by `systemctl status`. */
  ready(status: string): Promise<void>;
  status(sentence: string): Promise<void>;
  /** The orderly end has begun. */
  stopping(): Promise<void>;
  /** Feeds the watchdog no more. */
  close(): void;
}

export interface SupervisionOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as systemd sets them; absent: not run by systemd. */
  readonly env: NodeJS.ProcessEnv;
  /** Asked before each sign of life; false = let the watchdog end us. */
  readonly alive: () => boolean;
  /** Told once when nothing can be reported. */
  readonly onProblem: (sentence: string) => void;
}

/**
 * Speaks the notification protocol through the program `systemd-notify`, because Node has no datagram sockets of the Unix family
 * and the libraries for them have to be compiled. The messages thus come from a child of ours, so the unit needs
 * `NotifyAccess=all`. They are sent one after the other, in the order of the calls.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
export function superviseBySystemd({env, alive, onProblem}: SupervisionOptions): Supervision {
  const say = sender(env, onProblem);
  const every = watchdogInterval(env);
  let feeding: NodeJS.Timeout | null = null;
  return {
    ready(status) {
      if (every !== null) feeding ??= setInterval(() => void (alive() && say('WATCHDOG=1')), every).unref();
      return say('READY=1', `STATUS=${oneLine(status)}`);
    },
    status: (sentence) => say(`STATUS=${oneLine(sentence)}`),
    stopping: () => say('STOPPING=1', 'STATUS=stopping'),
    close() {
      if (feeding) clearInterval(feeding);
    },
  };
}

/** A third of what systemd bears, so that one late or lost sign is borne too; null when it does not watch this process. */
export function watchdogInterval(env: NodeJS.ProcessEnv): Milliseconds | null {
  const microseconds = Number(env['WATCHDOG_USEC'] ?? 0);
  const watched = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === process.pid;
  return watched && microseconds > 0 ? Math.max(1, Math.floor(microseconds / 3000)) : null;
}

function sender(env: NodeJS.ProcessEnv, onProblem: (sentence: string) => void): (...messages: string[]) => Promise<void> {
  if (!env['NOTIFY_SOCKET']) return () => Promise.resolve();
  let last: Promise<void> = Promise.resolve();
  let complained = false;
  const send = async (messages: readonly string[]): Promise<void> => {
    try {
      await run('systemd-notify', messages, {env, timeout: 5000});
    } catch (error) {
      if (!complained) onProblem(`systemd is not told how we are, because systemd-notify failed: ${messageOf(error)}`);
      complained = true;
    }
  };
  return (...messages) => (last = last.then(() => send(messages)));
}

/** The protocol separates assignments by line ends. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
