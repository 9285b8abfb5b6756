import type {Flavor} from '../test/sandbox/index.ts';
import {command} from './benchmarks/command.ts';
import {counter} from './benchmarks/counter.ts';
import {failover} from './benchmarks/failover.ts';
import {idle} from './benchmarks/idle.ts';
import {relocate} from './benchmarks/relocate.ts';
import {isGood, reportText, type Report} from './benchmarks/report.ts';
import {scale} from './benchmarks/scale/scale.ts';
import {silent} from './benchmarks/silent.ts';
import {takeover} from './benchmarks/takeover.ts';
import {MOST_REPLICAS, Stage, type BackendKind} from './benchmarks/stage.ts';
import {BadInput, choiceOption, countOption, interruption, readCommandLine, runScript, type CommandLine} from './support/command-line.ts';

const FLAVORS = ['mariadb', 'mysql9', 'mysql56'] as const satisfies readonly Flavor[];
const BACKENDS = ['sqlite', 'mariadb'] as const satisfies readonly BackendKind[];

const HELP = `Measures the built program on real servers of this machine.

  script/bench failover   kill -9 of a source with 4 replicas to the first accepted write   (20 runs)
  script/bench relocate   relocate-replicas of 20 replicas by GTID, whole command           (10 runs)
  script/bench takeover   a source with 4 replicas hands over: gap between accepted writes  (20 runs)
  script/bench counter    what is no death: nothing may be failed over                      (100 times each)
  script/bench silent     a source that answers nothing, SIGSTOP                            (5 runs)
  script/bench idle       processor and memory of a service with nothing to do              (60 s)
  script/bench command    whole process of a command that reads                             (20 runs)
  script/bench scale      commands and routes that show all of 1,000 instances              (20 runs)

  --flavor ${FLAVORS.join('|')}   servers that are managed (default mariadb)
  --backend ${BACKENDS.join('|')}          where the service keeps its state (default sqlite; command and scale: mariadb)
  --runs N                          how many runs, or times
  --replicas N                      failover: so many instead of 4; relocate: instead of 20
  --backlog N                       failover: then as many runs with one replica N transactions behind
  --quick                           shorter pauses and fewer runs: to see that it works, not to quote
  --json                            the result as JSON on standard output

Exit status 1 when a target is missed.
`;

/** Milliseconds the service watches before a source is struck. */
const IDLE_BEFORE = {full: 30_000, quick: 3_000};

interface Wish {
  readonly line: CommandLine;
  readonly quick: boolean;
  say(sentence: string): void;
}

/** Runs unless said otherwise, runs with --quick, and the backend. */
interface Bench {
  readonly runs: number;
  readonly quickRuns: number;
  readonly backend: BackendKind;
  run(stage: Stage, wish: Wish & {readonly runs: number; readonly idle: number}): Promise<readonly Report[]>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  failover: {runs: 20, quickRuns: 3, backend: 'sqlite', run: failovers},
  relocate: {
    runs: 10,
    quickRuns: 3,
    backend: 'mariadb',
    run: async (stage, {runs, line, say}) => [await relocate(stage, {runs, replicas: replicasIn(line, 20), say})],
  },
  takeover: {runs: 20, quickRuns: 3, backend: 'sqlite', run: async (stage, {runs, say}) => [await takeover(stage, {runs, say})]},
  counter: {runs: 100, quickRuns: 5, backend: 'sqlite', run: async (stage, {runs, say}) => [await counter(stage, {times: runs, say})]},
  silent: {
    runs: 5,
    quickRuns: 1,
    backend: 'sqlite',
    run: async (stage, {runs, idle: pause, say}) => [await silent(stage, {runs, idle: pause, say})],
  },
  idle: {
    runs: 1,
    quickRuns: 1,
    backend: 'sqlite',
    run: async (stage, {quick, idle: settle}) => [await idle(stage, {settle, period: quick ? 10_000 : 60_000})],
  },
  command: {runs: 20, quickRuns: 5, backend: 'mariadb', run: async (stage, {runs}) => [await command(stage, {runs})]},
  scale: {
    runs: 20,
    quickRuns: 5,
    backend: 'mariadb',
    run: async (stage, {runs, quick, say}) => scale(stage, {runs, period: quick ? 5_000 : 30_000, say}),
  },
};

await runScript('script/bench', async () => {
  const line = readCommandLine('script/bench', {
    help: {type: 'boolean', short: 'h'},
    flavor: {type: 'string'},
    backend: {type: 'string'},
    runs: {type: 'string'},
    backlog: {type: 'string'},
    replicas: {type: 'string'},
    quick: {type: 'boolean'},
    json: {type: 'boolean'},
  });
  if (line.options['help']) process.stdout.write(HELP);
  else await measure(line);
});

async function measure(line: CommandLine): Promise<void> {
  const [name = '', ...more] = line.words;
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (!bench || more.length > 0)
    throw new BadInput(`Say what to measure: ${Object.keys(BENCHES).join(', ')}; script/bench --help tells more.`);
  const quick = line.options['quick'] === true;
  const runs = countOption(line, 'runs', quick ? bench.quickRuns : bench.runs);
  countOption(line, 'backlog', 1);
  const flavor = choiceOption<Flavor>(line, 'flavor', {choices: FLAVORS, absent: 'mariadb'});
  const backend = choiceOption<BackendKind>(line, 'backend', {choices: BACKENDS, absent: bench.backend});
  const say = (sentence: string): void => void process.stderr.write(`${name}: ${sentence}\n`);
  const interrupted = interruption().then(() => null);
  const stage = await Stage.open({flavor, backend});
  try {
    const idling = quick ? IDLE_BEFORE.quick : IDLE_BEFORE.full;
    const reports = await Promise.race([bench.run(stage, {line, quick, say, runs, idle: idling}), interrupted]);
    if (reports === null) throw new Error('interrupted');
    process.stdout.write(line.options['json'] ? `${JSON.stringify(reports, null, 2)}\n` : reports.map(reportText).join(''));
    if (!reports.every(isGood)) process.exitCode = 1;
  } finally {
    await stage.down();
  }
}

async function failovers(stage: Stage, {line, runs, idle: pause, say}: Wish & {runs: number; idle: number}): Promise<readonly Report[]> {
  const replicas = replicasIn(line, 4);
  const plain = await failover(stage, {runs, idle: pause, backlog: 0, replicas, say});
  if (line.options['backlog'] === undefined) return [plain];
  const backlog = countOption(line, 'backlog', 1);
  return [plain, await failover(stage, {runs, idle: pause, backlog, replicas, say})];
}

function replicasIn(line: CommandLine, absent: number): number {
  const wanted = countOption(line, 'replicas', absent);
  if (wanted < 2 || wanted >= MOST_REPLICAS) throw new BadInput(`--replicas takes 2 to ${MOST_REPLICAS - 1}.`);
  return wanted;
}
