import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const minutes = 60_000;

interface Phase {
  readonly name: string;
  /** Projects of vitest.config.ts are tiers; the others are plain commands. */
  readonly command?: readonly string[];
  /** Left out unless `--all` or asked for by name. */
  readonly extra?: true;
  readonly limit: number;
}

/** In order. A phase that fails does not keep the next ones from running: one run tells everything. */
const PHASES: readonly Phase[] = [
  {name: 'lint', command: ['script/lint'], limit: 5 * minutes},
  {name: 'build', command: ['script/build'], limit: 5 * minutes},
  {name: 'unit', limit: 5 * minutes},
  {name: 'backend', limit: 20 * minutes},
  {name: 'servers', limit: 30 * minutes},
  {name: 'chaos', limit: 10 * minutes},
  {name: 'browser', extra: true, limit: 30 * minutes},
];

interface Outcome {
  readonly passed: number;
  /** Failed tests; a phase that fails as a whole counts as one. */
  readonly failed: number;
  readonly seconds: number;
  readonly complaints: readonly string[];
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {readonly status: string; readonly fullName: string}[];
  }[];
}

async function main(): Promise<void> {
  const split = process.argv.indexOf('--');
  const ours = process.argv.slice(2, split < 0 ? undefined : split);
  const theirs = split < 0 ? [] : process.argv.slice(split + 1);
  const {values, positionals} = parseArgs({args: ours, options: {all: {type: 'boolean', default: false}}, allowPositionals: true});
  const phases = choose(positionals, values.all);

  const run = randomUUID();
  const env = {...process.env, ORCHESTRATOR_TEST_RUN: run, ...(values.all ? {ORCHESTRATOR_TEST_ALL: '1'} : {})};
  const outcomes = new Map<string, Outcome>();
  for (const phase of phases) outcomes.set(phase.name, await perform(phase, {env, theirs}));
  outcomes.set('leftovers', await leftovers(run));
  report(outcomes, phases);
}

function choose(names: readonly string[], all: boolean): readonly Phase[] {
  const unknown = names.filter((name) => !PHASES.some((phase) => phase.name === name));
  if (unknown.length > 0) {
    console.error(`script/test: no phase ${unknown.join(', ')}; there are ${PHASES.map((phase) => phase.name).join(', ')}`);
    process.exit(2);
  }
  if (names.length > 0) return PHASES.filter((phase) => names.includes(phase.name));
  return PHASES.filter((phase) => !phase.extra || (all && existsSync(path.join(root, 'test', phase.name))));
}

async function perform(phase: Phase, {env, theirs}: {env: NodeJS.ProcessEnv; theirs: readonly string[]}): Promise<Outcome> {
  console.log(`\n== ${phase.name}`);
  const began = performance.now();
  const outcome = phase.command ? await command(phase.command, {env, limit: phase.limit}) : await tier(phase, {env, theirs});
  return {...outcome, seconds: (performance.now() - began) / 1000};
}

async function command(words: readonly string[], {env, limit}: {env: NodeJS.ProcessEnv; limit: number}): Promise<Omit<Outcome, 'seconds'>> {
  const problem = await execute(words, {env, limit});
  return {passed: 0, failed: problem === null ? 0 : 1, complaints: problem === null ? [] : [problem]};
}

async function tier(phase: Phase, {env, theirs}: {env: NodeJS.ProcessEnv; theirs: readonly string[]}): Promise<Omit<Outcome, 'seconds'>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-test-'));
  const file = path.join(folder, 'report.json');
  try {
    const words = [
      'vitest',
      'run',
      '--project',
      phase.name,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...theirs,
    ];
    const problem = await execute(words, {env, limit: phase.limit});
    if (!existsSync(file)) return {passed: 0, failed: 1, complaints: [problem ?? 'vitest wrote no report']};
    return judge(JSON.parse(readFileSync(file, 'utf8')) as Report, problem);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

/** A tier passes when its tests ran, all of them, and none failed. */
function judge(found: Report, problem: string | null): Omit<Outcome, 'seconds'> {
  const broken = found.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((one) => one.status !== 'failed'),
  );
  const skipped = found.testResults.flatMap((file) =>
    file.assertionResults.filter((one) => one.status !== 'passed' && one.status !== 'failed'),
  );
  const complaints = [
    ...broken.map((file) => `${path.relative(root, file.name)} could not run`),
    ...skipped.map((one) => `not run: ${one.fullName}`),
    ...(found.numPassedTests + found.numFailedTests === 0 ? ['no test ran'] : []),
  ];
  const failed = found.numFailedTests + complaints.length;
  if (failed === 0 && problem !== null) return {passed: found.numPassedTests, failed: 1, complaints: [problem]};
  return {passed: found.numPassedTests, failed, complaints};
}

/** @returns null when it ended with status 0, else a sentence */
function execute([program, ...args]: readonly string[], {env, limit}: {env: NodeJS.ProcessEnv; limit: number}): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program ?? '', args, {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: limit,
      killSignal: 'SIGTERM',
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? null : signal ? `ended by ${signal} (limit ${limit / minutes} min)` : `exit status ${code}`),
    );
  });
}

/** Processes that carry this run's mark and are still there 5 seconds after the last test; they are ended, and the run fails. */
async function leftovers(run: string): Promise<Outcome> {
  const began = performance.now();
  let left = marked(run);
  while (left.length > 0 && performance.now() - began < 5000) {
    await sleep(100);
    left = marked(run);
  }
  for (const {pid} of left) kill(pid);
  const complaints = left.map(({pid, words}) => `left running, now killed: ${pid} ${words}`);
  return {passed: 0, failed: complaints.length, seconds: (performance.now() - began) / 1000, complaints};
}

function marked(run: string): readonly {pid: number; words: string}[] {
  const pids = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid) : [];
  return pids
    .filter((pid) => procText(pid, 'environ').includes(`ORCHESTRATOR_TEST_RUN=${run}`))
    .map((pid) => ({pid: Number(pid), words: procText(pid, 'cmdline').replaceAll('\0', ' ').trim()}))
    .filter(({words}) => words !== '');
}

/** '' for a process that ended meanwhile or is not ours to look at. */
function procText(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function report(outcomes: ReadonlyMap<string, Outcome>, phases: readonly Phase[]): void {
  console.log('');
  for (const [name, {passed, failed, seconds, complaints}] of outcomes) {
    const isTier = phases.some((phase) => phase.name === name && !phase.command);
    console.log(`${name}: ${failed > 0 ? `FAILED (${failed})` : 'ok'}${isTier ? `, ${passed} tests` : ''}, ${seconds.toFixed(1)} s`);
    for (const complaint of complaints) console.log(`  ${complaint}`);
  }
  const all = [...outcomes.values()];
  const total = {passed: sum(all.map((one) => one.passed)), failed: sum(all.map((one) => one.failed))};
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

await main();
