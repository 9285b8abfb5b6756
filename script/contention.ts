import {BACKEND_KINDS, type BackendKind} from '../test/chaos/backends/backend.ts';
import {choiceOption, countOption, readCommandLine, runScript} from './support/command-line.ts';

const HELP = `Commands and services contend for one cluster of real servers, while an application writes.

  script/contention [--backend ${BACKEND_KINDS.join('|')}] [--seconds 60] [--workers 20] [--services 3] [--seed N]

Each worker runs one command after the other: tag, begin-maintenance and end-maintenance, begin-downtime and end-downtime,
ack-all-recoveries and ack-instance-recoveries, disable-, enable- and check-global-recoveries, relocate, graceful-master-takeover-auto. At the end what each was told is compared with the rows of the backend, with the servers, and with the statements that servers were sent.
The last line is the verdict: GOOD; BAD when anything contradicts anything else, or is lost; TELLS NOTHING when the machine was too busy for much to
happen. Exit status 0 for GOOD alone.
`;

await runScript('script/contention', async () => {
  const line = readCommandLine('script/contention', {
    help: {type: 'boolean', short: 'h'},
    backend: {type: 'string'},
    seconds: {type: 'string'},
    workers: {type: 'string'},
    services: {type: 'string'},
    seed: {type: 'string'},
  });
  if (line.options['help']) return void process.stdout.write(HELP);
  const kind = choiceOption<BackendKind>(line, 'backend', {choices: BACKEND_KINDS, absent: 'galera'});
  const seed = countOption(line, 'seed', 1 + Math.floor(Math.random() * 999_999));
  const [seconds, workers, services] = [
    countOption(line, 'seconds', 60),
    countOption(line, 'workers', 20),
    countOption(line, 'services', 3),
  ];
  const {contention} = await import('./benchmarks/contention.ts');
  const {text, good} = await contention({kind, seconds, workers, services, seed});
  process.stdout.write(text);
  if (!good) process.exitCode = 1;
});
