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
import {Stage, type StageOptions} from './cluster/stage.ts';
import {Traps} from './faults.ts';
import {addToLedger, ledgerFile, readLedger, summaryOf, type Entry} from './ledger.ts';
import {play, type Result} from './run.ts';
import {CANARIES, without} from './canaries.ts';
import {choose, type Choice} from './choose.ts';
import {playEach} from './each.ts';
import {measuring, numbersOf} from './numbers.ts';
import {SCENARIOS} from './scenarios/index.ts';

const HELP = `Plays faults against three services, their backend and the servers they look after, and checks what must hold.

  script/chaos [--seed N] [--scenarios N] [--backend ${BACKEND_KINDS.join('|')}] [--only TEXT | --sequences] [--cluster maria|mysql]
      Plays scenarios chosen by the seed (1 unless given; 10 scenarios on galera); every third is a sequence of several faults.
      --only: single ones whose name contains TEXT. --sequences: nothing but sequences. Each tells how it is played again.
  script/chaos --continue [...]
      Plays those that the ledger has fewest of, with seeds it has not seen.
  script/chaos --numbers [--scenarios N] [--backend galera|group|proxy]
      Measures how long it takes until another node leads, and until a cluster is written to again (N times each, 5 unless given).
  script/chaos --canaries
      Takes one protection after the other out of the program and sees that the violation comes to light.
  script/chaos --summary
      Says what the ledger holds.

  --ledger FILE   the ledger, a line of JSON for each scenario; ${ledgerFile()} unless given
`;

const OPTIONS = {
  help: {type: 'boolean', short: 'h'},
  seed: {type: 'string'},
  scenarios: {type: 'string'},
  backend: {type: 'string'},
  only: {type: 'string'},
  sequences: {type: 'boolean'},
  numbers: {type: 'boolean'},
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
  if (line.options['canaries']) return onStage({kind: 'galera', clusters: ['maria']}, sing);
  if (line.options['numbers']) return measure(line);
  await playAll(line, file);
}

async function sing(stage: Stage): Promise<void> {
  const traps = new Traps(stage.folder);
  for (const canary of CANARIES) {
    process.env['ORCHESTRATOR_BIN'] = await build(join(stage.folder, `canary-${canary.violation}`), [without(canary)]);
    const scenario = SCENARIOS.find(({name}) => name.includes(canary.scenario))!;
    await stage.begin({PreFailoverProcesses: [traps.hook]});
    const result = await play(stage, traps, {moves: [{scenario, cluster: 'maria'}], seed: 1});
    const codes = [...new Set(result.violations.map(({code}) => code))];
    const noticed = codes.includes(canary.violation);
    say(`${noticed ? 'ok  ' : 'BAD '} ${canary.name}: ${codes.join(', ') || 'nothing'} came to light, expected ${canary.violation}`);
    if (!noticed) process.exitCode = 1;
  }
}

async function measure(line: CommandLine): Promise<void> {
  const kind = choiceOption(line, 'backend', {choices: BACKEND_KINDS, absent: 'galera'});
  const times = countOption(line, 'scenarios', 5);
  await onStage({kind, clusters: ['maria']}, async (stage) => {
    const traps = new Traps(stage.folder);
    const results: Result[] = [];
    for (const scenario of measuring().filter(({on}) => on?.includes(kind) ?? true)) {
      for (let seed = 1; seed <= times; seed += 1) {
        await stage.begin({PreFailoverProcesses: [traps.hook]});
        const result = await play(stage, traps, {moves: [{scenario, cluster: 'maria'}], seed});
        results.push(result);
        for (const {code, text} of result.violations) say(`BAD  ${scenario.name}: ${code}: ${text}`);
        if (result.violations.length > 0) process.exitCode = 1;
      }
    }
    say(`On ${stage.backend.version}:`);
    for (const {text, kept} of numbersOf(results)) {
      say(text);
      if (!kept) process.exitCode = 1;
    }
  });
}

/** Builds the program unless a built one is named, sets the stage, and takes it down whatever happens: work that is told to end finds it gone. */
async function onStage(options: StageOptions, work: (stage: Stage, ended: AbortSignal) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrator-chaos-'));
  try {
    process.env['ORCHESTRATOR_BIN'] ??= await build(folder);
    const stage = await Stage.open(options);
    const ending = new AbortController();
    try {
      await Promise.race([work(stage, ending.signal), interruption().then(() => ending.abort())]);
    } finally {
      await stage.down();
    }
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function playAll(line: CommandLine, file: string): Promise<void> {
  const kind = choiceOption(line, 'backend', {choices: BACKEND_KINDS, absent: 'galera'});
  const cluster = choiceOption(line, 'cluster', {choices: ['maria', 'mysql', 'any'], absent: 'any'});
  const count = countOption(line, 'scenarios', 10);
  const before = line.options['continue'] ? await readLedger(file) : [];
  const mine = before.filter(({backend}) => backend === kind);
  const seed = countOption(line, 'seed', 1 + Math.max(0, ...mine.map((entry) => entry.seed)));
  const only = String(line.options['only'] ?? '');
  const sequences = line.options['sequences'] ? 'all' : only === '' ? 'some' : 'none';
  const clusters = cluster === 'any' ? (['maria', 'mysql'] as const) : ([cluster] as const);
  const choices = choose({kind, clusters, seed, count, only, sequences, played: before});
  await onStage({kind, clusters}, (stage, ended) => playOn(stage, choices, {kind, file, ended}));
}

interface Playing {
  readonly kind: BackendKind;
  readonly file: string;
  readonly ended: AbortSignal;
}

async function playOn(stage: Stage, choices: readonly Choice[], {kind, file, ended}: Playing): Promise<void> {
  const traps = new Traps(stage.folder);
  const revision = execFileSync('git', ['describe', '--always', '--dirty=+', '--abbrev=12'], {encoding: 'utf8'}).trim();
  say(
    `${choices.length} scenarios on ${stage.backend.version}; ${stage.managed.map(({version}) => version).join(', ')}; commit ${revision}`,
  );
  const {good, played} = await playEach(choices, {
    ended,
    play: async (choice) => {
      await stage.begin({PreFailoverProcesses: [traps.hook]});
      return play(stage, traps, choice);
    },
    async keep(result, took) {
      await addToLedger(file, {at: new Date().toISOString(), revision, backend: kind, ...result} satisfies Entry);
      for (const text of linesOf(result, {kind, took})) say(text);
      if (result.violations.length > 0) say(`     what the nodes said is in ${await keepLogs(stage, file)}`);
    },
  });
  say(
    `${good} of ${played} scenarios without a violation${ended.aborted ? `; told to end before the other ${choices.length - played}` : ''}`,
  );
  process.exitCode = good < choices.length ? 1 : 0;
}

function linesOf(result: Result, {kind, took}: {kind: BackendKind; took: number}): readonly string[] {
  const {scenario, cluster, moves, timings, observed = [], violations} = result;
  const times = Object.entries(timings).map(([what, milliseconds]) => `${what} ${milliseconds} ms`);
  const single = moves.length === 1;
  const ends = single ? `, expected ${moves.map(expectedOf).join()}` : '';
  const head = `${violations.length === 0 ? 'ok  ' : 'BAD '} ${cluster}: ${scenario}${ends}; ${times.join(', ')}; ${Math.round(took / 1000)} s`;
  const parts = single ? [] : moves.map((move) => `     ${move.cluster}: ${move.scenario}, expected ${expectedOf(move)}`);
  return [
    head,
    ...parts,
    `     came: ${observed.join('; ')}`,
    ...violations.map(({code, text}) => `     ${code}: ${text}`),
    `     again: ${again(result, kind)}`,
  ];
}

function expectedOf({expected}: Result['moves'][number]): string {
  return expected.ends === 'refuse' ? `refuse (${expected.code})` : expected.ends;
}

function again({scenario, cluster, moves, seed}: Result, kind: BackendKind): string {
  const what = moves.length === 1 ? `--only '${scenario}' --cluster ${cluster}` : '--sequences';
  return `script/chaos --backend ${kind} --seed ${seed} --scenarios 1 ${what}`;
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
