import {execFileSync, spawn, type ChildProcess} from 'node:child_process';
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, describe, expect, onTestFinished, test, vi} from 'vitest';
import {superviseBySystemd, watchdogInterval} from '../../src/lib/daemon/systemd.ts';

/** A datagram socket such as systemd listens on: prints what it gets. Perl, because Node has none and every Debian has Perl. */
const LISTENER = `use Socket; $| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!; bind(S, pack_sockaddr_un($ARGV[0])) or die $!;
print "listening\\n"; while (defined recv(S, $m, 8192, 0)) { $m =~ s/\\n+$//; $m =~ s/\\n/|/g; print "$m\\n"; }`;

/** Stands in for systemd-notify on machines without systemd: sends its arguments. */
const SENDER = `#!/usr/bin/perl
use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!; connect(S, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; send(S, join("\\n", @ARGV), 0);`;

let folder = '';
let listener: ChildProcess;
let heard: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'systemd-'));
  writeFileSync(path.join(folder, 'systemd-notify'), SENDER);
  chmodSync(path.join(folder, 'systemd-notify'), 0o755);
  heard = [];
  listener = spawn('perl', ['-e', LISTENER, path.join(folder, 'socket')], {stdio: ['ignore', 'pipe', 'inherit']});
  listener.stdout?.on('data', (chunk: Buffer) => heard.push(...chunk.toString().split('\n').filter(isNews)));
  await vi.waitFor(() => expect(heard).toContain('listening'), 5000);
  heard = [];
});

/** Newer versions of systemd-notify add a message that only waits for the others to be read. */
function isNews(line: string): boolean {
  return line !== '' && !line.startsWith('BARRIER=');
}

afterEach(() => {
  listener.kill('SIGKILL');
  rmSync(folder, {recursive: true, force: true});
});

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], {stdio: 'ignore'});
    return true;
  } catch {
    return false;
  }
}

function supervision({senders, env = {}, alive = () => true}: {senders: string; env?: NodeJS.ProcessEnv; alive?: () => boolean}) {
  const problems: string[] = [];
  const given = {NOTIFY_SOCKET: path.join(folder, 'socket'), PATH: senders, ...env};
  const supervisor = superviseBySystemd({env: given, alive, onProblem: (sentence) => problems.push(sentence)});
  onTestFinished(() => supervisor.close());
  return {supervisor, problems};
}

// The real program is a case only where there is one: containers of Debian come without systemd.
const PROGRAMS = ['stand-in', ...(isInstalled('systemd-notify') ? ['systemd-notify'] : [])];

describe.each(PROGRAMS)('through %s', (program) => {
  const senders = (): string => (program === 'stand-in' ? `${folder}:/usr/bin:/bin` : '/usr/bin:/bin');

  test('readiness, status and the end arrive in the order of the calls', async () => {
    const {supervisor, problems} = supervision({senders: senders()});
    await Promise.all([supervisor.ready('leading,\n 3 clusters'), supervisor.status('following'), supervisor.stopping()]);
    await vi.waitFor(
      () => expect(heard).toEqual(['READY=1|STATUS=leading, 3 clusters', 'STATUS=following', 'STOPPING=1|STATUS=stopping']),
      5000,
    );
    expect(problems).toEqual([]);
  });

  test('the watchdog is fed from readiness on, and not while something hangs', async () => {
    let asked = 0;
    let hangs = false;
    const alive = (): boolean => ++asked > 0 && !hangs;
    const env = {WATCHDOG_USEC: '150000', WATCHDOG_PID: String(process.pid)};
    const {supervisor} = supervision({senders: senders(), env, alive});
    const fed = (): number => heard.filter((line) => line === 'WATCHDOG=1').length;
    const say = async (sentence: string): Promise<void> => {
      await supervisor.status(sentence); // after everything that was already on its way
      await vi.waitFor(() => expect(heard).toContain(`STATUS=${sentence}`), 5000);
    };
    await supervisor.ready('ready');
    await vi.waitFor(() => expect(fed()).toBeGreaterThanOrEqual(2), 5000);
    hangs = true;
    await say('hanging');
    const [before, askedBefore] = [fed(), asked];
    await vi.waitFor(() => expect(asked).toBeGreaterThanOrEqual(askedBefore + 3), 5000);
    await say('still hanging');
    expect(fed()).toBe(before);
  });
});

test('nothing is sent, and nothing complained about, when systemd did not start us', async () => {
  const {supervisor, problems} = supervision({senders: folder, env: {NOTIFY_SOCKET: ''}});
  await supervisor.ready('ready');
  await supervisor.stopping();
  expect([heard, problems]).toEqual([[], []]);
});

test('a missing systemd-notify is said once', async () => {
  rmSync(path.join(folder, 'systemd-notify'));
  const {supervisor, problems} = supervision({senders: folder});
  await supervisor.ready('ready');
  await supervisor.status('still there');
  expect(problems).toEqual([expect.stringMatching(/^systemd is not told how we are.*systemd-notify.*ENOENT/)]);
});

test.each([
  {env: {}, interval: null},
  {env: {WATCHDOG_USEC: '0'}, interval: null},
  {env: {WATCHDOG_USEC: '30000000'}, interval: 10_000},
  {env: {WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1'}, interval: null},
  {env: {WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid)}, interval: 10_000},
])('with $env the watchdog wants a sign each $interval ms', ({env, interval}) => {
  expect(watchdogInterval(env)).toBe(interval);
});
