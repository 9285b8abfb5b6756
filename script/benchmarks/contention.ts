import type {BackendKind} from '../../test/chaos/backends/backend.ts';
import {openBackend} from '../../test/chaos/backends/open.ts';
import {sandbox} from '../../test/sandbox/index.ts';
import {contest} from '../../test/servers/support/contention/contest.ts';
import {hostAt} from '../../test/servers/support/backends.ts';
import {build} from '../build.ts';

export interface ContentionWish {
  readonly kind: BackendKind;
  readonly seconds: number;
  readonly workers: number;
  readonly services: number;
  readonly seed: number;
}

/** @returns what to print, and whether nothing contradicts anything else */
export async function contention({kind, seconds, workers, services, seed}: ContentionWish): Promise<{text: string; good: boolean}> {
  process.env['ORCHESTRATOR_BIN'] = await build();
  const backend = await openBackend(kind);
  const box = await sandbox({flavor: 'mariadb'});
  try {
    const result = await contest({host: hostAt(backend), box, services, workers, milliseconds: seconds * 1000, seed});
    const lines = [
      `${workers} workers and ${services} services for ${seconds} s on ${backend.version}, servers MariaDB ${box.version}, seed ${seed}`,
      ...[...result.counts].map(([what, count]) => `  ${what.replace(/ (\S+)$/, ', exit status $1')}: ${count}`),
      `  half of the commands took at most ${result.median} ms`,
      `  rows acknowledged to the application: ${result.acknowledged}`,
      ...result.contradictions.map((sentence) => `  contradiction: ${sentence}`),
      result.verdict.text,
      '',
    ];
    return {text: lines.join('\n'), good: result.verdict.good};
  } finally {
    await Promise.all([box.down(), backend.down()]);
  }
}
