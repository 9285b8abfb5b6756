import {execFileSync} from 'node:child_process';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {build} from '../../script/build.ts';
import {
  BadInput,
  choiceOption,
  countOption,
  interruption,
  readCommandLine,
  runScript,
  type CommandLine,
} from '../../script/support/command-line.ts';
import {BACKEND_KINDS, type BackendKind} from './backends/backend.ts';
import {Stage} from './cluster/stage.ts';
import {Traps} from './faults.ts';
import {addToLedger, ledgerFile, readLedger, summaryOf, type Entry} from './ledger.ts';
import {play, type Result} from './run.ts';
import {CANARIES, without} from './canaries.ts';
import {choose, type Choice} from './choose.ts';

const HELP = `Plays faults against three services, their backend and the servers they look after, and checks what must hold.

  script/chaos [--seed N] [--scenarios N] [--backend ${BACKEND_KINDS.join('|')}] [--only TEXT] [--cluster maria|mysql]
      Plays scenarios chosen by the seed (1 unless given; 10 scenarios on galera). --only: those whose name contains TEXT.
  script/chaos --continue [...]
      Plays those that the ledger has fewest of, with seeds it has not seen.
  script/chaos --canaries
      Takes one protection after the other out of the program and sees that the violation comes to light.
  script/chaos --summary
      Says what the ledger holds.

  --ledger FILE   the ledger, a line of JSON for each scenario; ${ledgerFile()} unless given
  --clusters A,B  which clusters there are: maria,mysql unless given
`;

const OPTIONS = {
  help: {type: 'boolean', short: 'h'},
  seed: {type: 'string'},
  scenarios: {type: 'string'},
  backend: {type: 'string'},
  only: {type: 'string'},
  cluster: {type: 'string'},
  clusters: {type: 'string'},
  continue: {type: 'boolean'},
  summary: {type: 'boolean'},
  canaries: {type: 'boolean'},
  ledger: {type: 'string'},
} as const;

await runScript('script/chaos', main);

async function main(): Promise<void> {
  const line = readCommandLine('script/chaos', OPTIONS);
  if (line.options['help']) return void process.stdout.write(HELP);
  if (line.words.length > 0) throw new BadInput(`script/chaos takes no arguments but options, not "${line.words.join(' ')}".`);
  const file = String(line.options['ledger'] ?? ledgerFile());
  if (line.options['summary']) return void process.stdout.write(`${summaryOf(await readLedger(file)).join('\n')}\n`);
  if (line.options['canaries']) return playCanaries();
  await playAll(line, file);
}

async function playCanaries(): Promise<void> {
  const stage = await Stage.open({kind: 'galera', clusters: ['maria']});
  const interrupted = interruption();
  try {
    await Promise.race([sing(stage), interrupted]);
  } finally {
    await stage.down();
  }
}

async function sing(stage: Stage): Promise<void> {
  const traps = new Traps(stage.folder);
  for (const canary of CANARIES) {
    process.env['ORCHESTRATOR_BIN'] = await build(join(stage.folder, `canary-${canary.violation}`), [without(canary)]);
    const [choice] = choose({kind: 'galera', clusters: ['maria'], seed: 1, count: 1, only: canary.scenario, played: []});
    await stage.begin({PreFailoverProcesses: [traps.hook]});
    const result = await play(stage, traps, {scenario: choice!.scenario, cluster: stage.cluster('maria'), seed: 1});
    const codes = [...new Set(result.violations.map(({code}) => code))];
    const noticed = codes.includes(canary.violation);
    say(`${noticed ? 'ok  ' : 'BAD '} ${canary.name}: ${codes.join(', ') || 'nothing'} came to light, expected ${canary.violation}`);
    if (!noticed) process.exitCode = 1;
  }
}

async function playAll(line: CommandLine, file: string): Promise<void> {
  const kind = choiceOption(line, 'backend', {choices: BACKEND_KINDS, absent: 'galera'});
  const cluster = choiceOption(line, 'cluster', {choices: ['maria', 'mysql', 'any'], absent: 'any'});
  const count = countOption(line, 'scenarios', 10);
  const before = line.options['continue'] ? (await readLedger(file)).filter(({backend}) => backend === kind) : [];
  const seed = countOption(line, 'seed', 1 + Math.max(0, ...before.map((entry) => entry.seed)));
  const only = String(line.options['only'] ?? '');
  const folder = await mkdtemp(join(tmpdir(), 'orchestrator-chaos-'));
  process.env['ORCHESTRATOR_BIN'] ??= await build(folder);
  const clusters = cluster === 'any' ? (['maria', 'mysql'] as const) : ([cluster] as const);
  const stage = await Stage.open({kind, clusters});
  const interrupted = interruption();
  try {
    const choices = choose({kind, clusters, seed, count, only, played: before});
    await Promise.race([playEach(stage, choices, {kind, file}), interrupted]);
  } finally {
    await stage.down();
    await rm(folder, {recursive: true, force: true});
  }
}

async function playEach(stage: Stage, choices: readonly Choice[], {kind, file}: {kind: BackendKind; file: string}): Promise<void> {
  const traps = new Traps(stage.folder);
  const revision = execFileSync('git', ['describe', '--always', '--dirty=+', '--abbrev=12'], {encoding: 'utf8'}).trim();
  say(
    `${choices.length} scenarios on ${stage.backend.version}; ${stage.managed.map(({version}) => version).join(', ')}; commit ${revision}`,
  );
  let bad = 0;
  for (const {scenario, cluster, seed} of choices) {
    const began = performance.now();
    await stage.begin({PreFailoverProcesses: [traps.hook]});
    const result = await play(stage, traps, {scenario, cluster: stage.cluster(cluster), seed});
    await addToLedger(file, {at: new Date().toISOString(), revision, backend: kind, ...result} satisfies Entry);
    for (const text of linesOf(result, performance.now() - began)) say(text);
    if (result.violations.length === 0) continue;
    bad += 1;
    say(`     what the nodes said is in ${await keepLogs(stage, file)}`);
  }
  say(`${choices.length - bad} of ${choices.length} scenarios without a violation`);
  process.exitCode = bad > 0 ? 1 : 0;
}

function linesOf({scenario, cluster, seed, expected, timings, violations}: Result, took: number): readonly string[] {
  const times = Object.entries(timings).map(([what, milliseconds]) => `${what} ${milliseconds} ms`);
  const head = `${violations.length === 0 ? 'ok  ' : 'BAD '} ${cluster}: ${scenario} (seed ${seed}), expected ${expected.ends}; ${times.join(', ')}; ${Math.round(took / 1000)} s`;
  return [head, ...violations.map(({code, text}) => `     ${code}: ${text}`)];
}

/** Beside the ledger, for whoever looks for the cause. */
async function keepLogs(stage: Stage, file: string): Promise<string> {
  const folder = join(dirname(file), new Date().toISOString().replaceAll(':', '-'));
  await mkdir(folder, {recursive: true});
  for (const {name, log} of stage.nodes) await writeFile(join(folder, `${name}.log`), log);
  return folder;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
