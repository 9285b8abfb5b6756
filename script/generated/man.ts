import {exitCodes} from '../../src/lib/errors/errors.ts';
import {DEFAULT_FILES} from '../../src/lib/config/files.ts';
import {optionsOf, SECTIONS, type Operation, type Option} from '../../src/lib/operations/define.ts';
import {ALL} from '../../src/lib/operations/registry.ts';
import {COMMON} from '../../src/lib/surfaces/cli/options.ts';

/** man/orchestrator.1: how a command line is written, and every command with its options and examples. */
export function manPage(): string {
  const lines = [
    '.\\" Written by script/generate from src/lib/operations. Change it there.',
    '.TH ORCHESTRATOR 1 "" "orchestrator" "MySQL and MariaDB replication"',
    '.SH NAME',
    'orchestrator \\- finds, shows, rearranges and recovers MySQL and MariaDB replication topologies',
    '.SH SYNOPSIS',
    '.B orchestrator',
    '.I COMMAND',
    '.RI [ OPTION ...]',
    '.br',
    '.B orchestrator',
    '.BI \\-c " COMMAND"',
    '.RI [ OPTION ...]',
    '.SH DESCRIPTION',
    ...paragraph(
      'Options may stand before and after the command, with one dash or two, as -i db1, --instance db1 or --instance=db1; the last of repeated ones counts. Results go to standard output, sentences for people to standard error, and a command that fails prints no result. An instance is host, host:port or [ipv6]:port; part of a host name is enough when it fits exactly one known instance. The -c form has the exit statuses of version 3.',
    ),
    '.SH COMMON OPTIONS',
    ...COMMON.filter(({name}) => name !== 'c').flatMap(optionLines),
    ...SECTIONS.flatMap((section) => [`.SH ${quoted(section.toUpperCase())}`, ...inSection(section).flatMap(commandLines)]),
    '.SH EXIT STATUS',
    ...[...new Set(Object.values(exitCodes))].sort((a, b) => a - b).flatMap((status) => statusLines(status)),
    '.SH FILES',
    ...DEFAULT_FILES.flatMap((file) => ['.TP', `.I ${escaped(file)}`, 'configuration, read where there is no --config']),
    '.SH SEE ALSO',
    '.BR orchestrator-client ,',
    ...paragraph('and the folder docs: commands.md, api.md, configuration.md, errors.md, metrics.md, events.md'),
  ];
  return `${lines.join('\n')}\n`;
}

function inSection(section: string): readonly Operation[] {
  return ALL.filter((operation) => operation.section === section).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function commandLines(operation: Operation): readonly string[] {
  const {name, about, details, formerly, examples} = operation;
  return [
    `.SS ${quoted(name)}`,
    ...paragraph(`${about}.${details === undefined ? '' : ` ${details}`}`),
    ...(formerly.length === 0 ? [] : ['.PP', `Also ${formerly.map((one) => `\\fB${escaped(one)}\\fR`).join(', ')}.`]),
    ...optionsOf(operation).flatMap(optionLines),
    '.PP',
    '.nf',
    ...examples.map((example) => `    orchestrator ${escaped(example)}`),
    '.fi',
  ];
}

function optionLines({name, short, value, about, on}: Option): readonly string[] {
  const placeholder = value === null ? '' : ` \\fI${escaped(value)}\\fR`;
  const spelled = [
    ...(short === undefined ? [] : [`\\fB\\-${short}\\fR`]),
    `\\fB\\-\\-${on ? '[no\\-]' : ''}${escaped(name)}\\fR${placeholder}`,
  ];
  return ['.TP', spelled.join(', '), ...paragraph(about)];
}

function statusLines(status: number): readonly string[] {
  const codes = Object.entries(exitCodes).flatMap(([code, exit]) => (exit === status ? [code] : []));
  return ['.TP', `.B ${status}`, ...paragraph(codes.join(', '))];
}

/** One line of text; what would be taken for a request is not. */
function paragraph(text: string): readonly string[] {
  return [escaped(text.replaceAll(/\s+/g, ' ').trim()).replace(/^(?=[.'])/, '\\&')];
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('`', '');
}
