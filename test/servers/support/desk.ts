import packageFacts from '../../../package.json' with {type: 'json'};
import {COMMANDS} from '../../../src/command-map.ts';
import {compose} from '../../../src/composition.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {runCommandLine} from '../../../src/lib/surfaces/cli/command-line.ts';
import type {Ended} from './program.ts';
import type {Site} from './site.ts';

/** Runs command lines as the program does, but in this process: a tenth of a second each, where a file has very many. */
export function desk(at: Pick<Site, 'file'>): (...args: readonly string[]) => Promise<Ended> {
  const build = {version: packageFacts.version, revision: ''};
  return async (...args) => {
    let [stdout, stderr] = ['', ''];
    const io = {out: (text: string) => void (stdout += text), err: (text: string) => void (stderr += text), terminal: false};
    const program = {
      io,
      operations: ALL,
      user: 'tester',
      ports: (common: Parameters<typeof compose>[0]['common'], operation: Parameters<typeof compose>[0]['operation']) =>
        compose({
          common,
          operation,
          build,
          env: {},
          warn: () => undefined,
          alert: (sentence) => io.err(`orchestrator: ${sentence}\n`),
          log: (_level, sentence) => io.err(`${sentence}\n`),
        }),
    };
    const status = await runCommandLine([...args, '--config', at.file], {program, commands: COMMANDS, facts: packageFacts, build});
    return {status, stdout, stderr};
  };
}
