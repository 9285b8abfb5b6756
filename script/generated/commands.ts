import {optionsOf, SECTIONS, type Operation, type Option} from '../../src/lib/operations/define.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import {COMMON} from '../../src/lib/surfaces/cli/options.ts';

/** docs/commands.md: how a command line is written, and every command with its options. */
export function commandsPage(): string {
  return [INTRODUCTION, ...SECTIONS.map(section)].join('\n\n') + '\n';
}

const INTRODUCTION = `<!-- Written by script/generate from src/lib/operations. Change it there. -->

# Commands

\`orchestrator COMMAND\`, or \`orchestrator -c COMMAND\` as in version 3. Options may stand before and after the command, with one dash
or two, as \`-i db1\`, \`--instance db1\` or \`--instance=db1\`; the last of repeated ones counts. A switch is turned off by \`=false\`.
Results go to standard output, sentences for people to standard error, and a command that fails prints no result.

- An **instance** is \`host\`, \`host:port\` or \`[ipv6]:port\`; without a port \`DefaultInstancePort\`. Part of a host name is enough when it
  fits exactly one known instance on that port. Several, separated by commas or spaces, run the command once for each.
- A **cluster** is given by \`--alias\` (an alias or a name), by an instance of it, or by a bare word that is any of these.
- A **duration** is a number and \`s\`, \`m\`, \`h\`, \`d\` or \`w\`.
- Exit statuses are those of [errors.md](errors.md); the \`-c\` form knows 0, 1 and, for options it does not understand, 2.

Every command takes these too:

${optionTable(COMMON.filter((option) => option.name !== 'c'))}`;

function section(name: string): string {
  const own = ALL.filter((operation) => operation.section === name).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return [`## ${name}`, ...own.map(command)].join('\n\n');
}

function command(operation: Operation): string {
  const options = optionsOf(operation);
  const exits = Object.entries(operation.exits ?? {}).map(([status, when]) => `${status}: ${when}`);
  return [
    `### ${operation.name}`,
    `${operation.about}.`,
    operation.details ?? '',
    operation.formerly.length === 0 ? '' : `Also \`${operation.formerly.join('`, `')}\`.`,
    `\`\`\`\n${operation.examples.map((example) => `orchestrator ${example}`).join('\n')}\n\`\`\``,
    options.length === 0 ? '' : optionTable(options),
    exits.length === 0 ? '' : `Exit statuses: ${exits.join('; ')}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => {
    const value = option.value === null ? '' : ` ${option.value}`;
    const spelled = [`--${option.on ? '[no-]' : ''}${option.name}${value}`, ...(option.short ? [`-${option.short}`] : [])];
    return `| ${spelled.map((one) => `\`${one.replaceAll('|', '\\|')}\``).join(', ')} | ${option.about.replaceAll('|', '\\|')} |`;
  });
  return ['| option | meaning |', '|---|---|', ...rows].join('\n');
}
