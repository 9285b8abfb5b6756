import {BACKEND_KINDS, type Backend, type BackendKind} from '../test/chaos/backends/backend.ts';
import {openBackend} from '../test/chaos/backends/open.ts';
import {ACCOUNTS, sandbox} from '../test/sandbox/index.ts';
import {contest} from '../test/servers/support/contention/contest.ts';
import type {BackendHost} from '../test/servers/support/backends.ts';
import {build} from './build.ts';
import {choiceOption, countOption, readCommandLine, runScript} from './support/command-line.ts';

const HELP = `Commands and services contend for one cluster of real servers, while an application writes.

  script/contention [--backend ${BACKEND_KINDS.join('|')}] [--seconds 60] [--workers 20] [--services 3] [--seed N]

Each worker runs one command after the other: tag, begin-maintenance and end-maintenance, relocate, graceful-master-takeover-auto. At the end
what each was told is compared with the rows of the backend, with the servers, and with the statements that servers were sent.
Exit status 1 when anything contradicts anything else, or is lost.
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
  process.env['ORCHESTRATOR_BIN'] = await build();
  const backend = await openBackend(kind);
  const box = await sandbox({flavor: 'mariadb'});
  try {
    const result = await contest({host: hostOf(backend), box, services, workers, milliseconds: seconds * 1000, seed});
    process.stdout.write(
      [
        `${workers} workers and ${services} services for ${seconds} s on ${backend.version}, servers MariaDB ${box.version}, seed ${seed}`,
        ...[...result.counts].map(([what, count]) => `  ${what.replace(/ (\S+)$/, ', exit status $1')}: ${count}`),
        `  rows acknowledged to the application: ${result.acknowledged}`,
        `  contradictions and losses: ${result.contradictions.length}`,
        ...result.contradictions.map((sentence) => `    ${sentence}`),
        '',
      ].join('\n'),
    );
    if (result.contradictions.length > 0) process.exitCode = 1;
  } finally {
    await Promise.all([box.down(), backend.down()]);
  }
});

function hostOf(backend: Backend): BackendHost {
  const {user, password} = ACCOUNTS.orc;
  return {
    kind: 'mariadb',
    server: null,
    fresh: () => ({
      BackendDB: 'mysql',
      MySQLOrchestratorHost: '127.0.0.1',
      MySQLOrchestratorPort: backend.way(0),
      MySQLOrchestratorDatabase: 'orchestrator',
      MySQLOrchestratorUser: user,
      MySQLOrchestratorPassword: password,
    }),
    ways: [0, 1, 2].map((node) => ({MySQLOrchestratorPort: backend.way(node)})),
    down: () => backend.down(),
  };
}
