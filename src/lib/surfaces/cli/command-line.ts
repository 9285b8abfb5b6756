import {OrchestratorError, unreachable} from '../../errors/errors.ts';
import type {Build} from '../../operations/context.ts';
import {LEFT_OUT} from '../../operations/left-out.ts';
import {find, understand, type Form, type Request} from './argv.ts';
import type {CommandMap, PackageFacts} from './embed.ts';
import {described, exitsText, listing, usage} from './help.ts';
import {optionsFor} from './options.ts';
import {complaint, type Program} from './program.ts';
import {suggest} from './suggest.ts';

export interface CommandLine {
  readonly program: Program;
  readonly commands: CommandMap;
  readonly facts: PackageFacts;
  readonly build: Build;
}

/** Does what a command line asks for. Never throws; everything that goes wrong is a sentence and an exit status. */
export async function runCommandLine(argv: readonly string[], line: CommandLine): Promise<number> {
  const {io, operations} = line.program;
  try {
    return await obey(understand(argv, operations), line);
  } catch (error) {
    io.err(complaint(error, argv.includes('--stack')));
    return error instanceof OrchestratorError ? error.exitCode : 1;
  }
}

async function obey(request: Request, line: CommandLine): Promise<number> {
  const {io} = line.program;
  switch (request.ask) {
    case 'version':
      io.out(`${line.build.version}\n${line.build.revision}\n`);
      return 0;
    case 'usage':
      io.out(usage());
      return 0;
    case 'help':
      return explain(request, line);
    case 'unknown':
      return refuse(request.name, request.form, line);
    case 'run':
      return run(request, line);
    default:
      return unreachable(request);
  }
}

/** Goes through the command's oclif class, with a command line that its parser reads without doubt. */
async function run(request: Extract<Request, {ask: 'run'}>, line: CommandLine): Promise<number> {
  const {operation, form, texts, common} = request;
  if (operation.name === 'completion' && texts['line'] !== undefined) return completeLine(texts['line'], request, line);
  const load = line.commands[operation.name];
  if (load === undefined) throw new Error(`${operation.name} has no file in src/commands`);
  const [{default: Found}, {argvOf}, {bareConfig}] = await Promise.all([load(), import('./command.ts'), import('./embed.ts')]);
  const argv = argvOf({...texts, ...common}, optionsFor(operation));
  return new Found([...argv], bareConfig(line.facts, {program: line.program, form})).run();
}

/** Longer nobody waits at a prompt. */
const COMPLETE_WITHIN_MS = 1000;

/** Prints what may follow, a word a line; nothing at all when it cannot be known in time, for whatever reason. */
async function completeLine(text: string, {operation, common}: Extract<Request, {ask: 'run'}>, {program}: CommandLine): Promise<number> {
  const {complete, matching} = await import('./completion.ts');
  const {completable} = await import('../../operations/information/for-completion.ts');
  const completion = complete(text, program.operations);
  const {choices} = completion;
  const quiet = {...common, quiet: 'true', 'skip-continuous-registration': 'true'};
  const asked = typeof choices === 'string' ? completable(program.ports(quiet, operation).ports, choices) : Promise.resolve(choices);
  const patience = new Promise<readonly string[]>((resolve) => setTimeout(() => resolve([]), COMPLETE_WITHIN_MS).unref());
  const all = await Promise.race([asked, patience]).catch((): readonly string[] => []);
  program.io.out(
    matching(completion, all)
      .map((one) => `${one}\n`)
      .join(''),
  );
  program.io.leave?.();
  return 0;
}

async function explain({topic, form, json}: Extract<Request, {ask: 'help'}>, line: CommandLine): Promise<number> {
  const {io, operations} = line.program;
  if (topic === null && json) {
    io.out(`${JSON.stringify(operations.map(described))}\n`);
    return 0;
  }
  if (topic === null) {
    const say = form === 'version-3' ? io.err : io.out;
    say(listing(operations));
    return 0;
  }
  const operation = find(topic, operations);
  if (operation === undefined) return refuse(topic, 'plain', line);
  if (json) {
    io.out(`${JSON.stringify(described(operation))}\n`);
    return 0;
  }
  const {commandHelp} = await import('./command-help.ts');
  const {embed} = await import('./embed.ts');
  const config = await embed(line.commands, line.facts, {program: line.program, form: 'plain'});
  io.out([await commandHelp(config, operation.name), exitsText(operation)].filter((part) => part !== '').join('\n'));
  return 0;
}

function refuse(name: string, form: Form, {program: {io, operations}}: CommandLine): number {
  const leftOut = LEFT_OUT.find((one) => one.commands.includes(name));
  if (leftOut) {
    io.err(`orchestrator: ${name}: ${leftOut.because}\n`);
    return 1;
  }
  io.err(`orchestrator: ${JSON.stringify(name)} is not a command (${suggest(name, operations)})\n`);
  if (form === 'version-3') io.err(listing(operations));
  return form === 'version-3' ? 1 : 2;
}
