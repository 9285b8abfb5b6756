import {optionsOf, type Operation, type Option} from '../../operations/define.ts';

function value(name: string, placeholder: string, about: string, short?: string): Option {
  return {name, about, value: placeholder, ...(short === undefined ? {} : {short})};
}

function flag(name: string, about: string, short?: string): Option {
  return {name, about, value: null, ...(short === undefined ? {} : {short})};
}

/** Understood by every command. */
export const COMMON: readonly Option[] = [
  value('config', 'FILE', 'read this configuration file and no other'),
  value('format', 'table|plain|json', 'how to print; without it plain lines, or a table on a terminal, in colours unless NO_COLOR is set'),
  flag('json', 'print JSON, the same as --format json'),
  value('owner', 'NAME', 'who asks, for the record; without it the user of the operating system', 'o'),
  value('topology-user', 'NAME', 'user for the managed servers; better: ORCHESTRATOR_TOPOLOGY_USER in the environment'),
  value('topology-password', 'TEXT', 'password for the managed servers; better: ORCHESTRATOR_TOPOLOGY_PASSWORD in the environment'),
  flag('debug', 'log everything'),
  flag('verbose', 'log more'),
  flag('quiet', 'log errors only'),
  value('log-format', 'text|json', 'how the log is written: lines of text, or a JSON object a line'),
  flag('stack', 'print the stack with an error'),
  flag('enable-database-update', 'bring the backend schema up to date even where SkipOrchestratorDatabaseUpdate is set'),
  flag('skip-continuous-registration', 'do not show up in node_health while running'),
  flag('ignore-raft-setup', 'go on although RaftEnabled is set'),
  flag('skip-unresolve', 'point replicas at the names of hosts themselves, whatever virtual names are registered for them'),
  flag('skip-unresolve-check', 'where a virtual name leads elsewhere, go by the name of the host instead of refusing'),
  flag('help', 'explain', 'h'),
  flag('version', 'print version and revision'),
  value('c', 'NAME', 'the command, in the form of version 3'),
];

/** Options of version 3 and its client that the `-c NAME` form takes with any command, whether it looks at them or not. */
export const BORNE: readonly Option[] = [
  flag('strict', ''),
  value('i', '', ''),
  value('s', '', ''),
  value('d', '', ''),
  value('reason', '', '', 'r'),
  value('duration', '', '', 'u'),
  value('pattern', '', ''),
  value('alias', '', '', 'a'),
  value('pool', '', '', 'l'),
  value('hostname', '', '', 'H'),
  flag('discovery', ''),
  flag('skip-binlog-search', ''),
  flag('noop', ''),
  value('binlog', '', '', 'n'),
  value('statement', '', ''),
  flag('grab-election', ''),
  value('promotion-rule', '', '', 'R'),
  value('tag', '', '', 't'),
];

/** Spellings, in the order in which they are tried: the option's name, then its letter. */
export function findOption(options: readonly Option[], spelling: string): Option | undefined {
  return options.find((option) => option.name === spelling) ?? options.find((option) => option.short === spelling);
}

/** What one command takes, its own options first. */
export function optionsFor(operation: Pick<Operation, 'input'>): readonly Option[] {
  return [...optionsOf(operation), ...COMMON];
}
