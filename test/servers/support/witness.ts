import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Instance} from '../../sandbox/index.ts';

/** Whatever changes a server rather than asking it. */
const CHANGING = /\b(CHANGE (MASTER|REPLICATION)|(START|STOP|RESET) (ALL )?(SLAVE|REPLICA|MASTER|BINARY)|SET (@@)?GLOBAL|KILL|INSTALL)\b/i;

/** Writes down what servers are told from now on. */
export interface Witness {
  /** Statements that change something, as `name: statement`. */
  changes(): Promise<readonly string[]>;
}

let witnesses = 0;

/** Switches the general log of these servers on, each into a file of its own; a reset of the sandbox switches it off. */
export async function witness(instances: readonly Instance[]): Promise<Witness> {
  const name = `general-${++witnesses}-${process.pid}.log`;
  for (const instance of instances) {
    await instance.query('SET GLOBAL general_log_file = ?', [join(instance.datadir, name)]);
    await instance.query('SET GLOBAL general_log = ON');
  }
  return {
    async changes() {
      const all = await Promise.all(
        instances.map(async (instance) => {
          const lines = (await readFile(join(instance.datadir, name), 'utf8')).split('\n');
          return lines
            .filter((line) => CHANGING.test(line) && !/SET GLOBAL general_log\b/.test(line))
            .map((line) => `${instance.name}: ${line.trim()}`);
        }),
      );
      return all.flat();
    },
  };
}
