import {build} from './version.ts';

/** Runs one command line (without `node` and the script's path); sets the process's exit status. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === '--version') {
    process.stdout.write(`${build.version}\n${build.revision}\n`);
    return;
  }
  const {CLIError} = await import('@oclif/core/errors');
  process.stderr.write(`${new CLIError('no commands yet').message}\n`);
  process.exitCode = 2;
}
