import {optionsOf, SECTIONS, type Operation} from '../../operations/define.ts';

const WIDTH = 40;

/** What an empty command line gets. */
export function usage(): string {
  return [
    'orchestrator finds, shows and recovers MySQL and MariaDB replication topologies.',
    '',
    '  orchestrator serve                    watch and recover, and answer HTTP',
    '  orchestrator discover -i HOST[:PORT]  make a server and its topology known',
    '  orchestrator topology -i HOST[:PORT]  show it; clusters lists all that are known',
    '  orchestrator problems                 what is wrong; explain -i HOST[:PORT] says why, and what would be done',
    '  orchestrator begin-downtime -i HOST[:PORT] --duration 1h --reason TEXT',
    '                                        keep orchestrator from recovering it for a while',
    '  orchestrator graceful-master-takeover-auto -a CLUSTER',
    '                                        have another instance take the place of a source that works',
    '  orchestrator recover -i HOST[:PORT]   replace a source that is dead; --noop says what would be done',
    '  orchestrator help [COMMAND]           all commands, or one',
    '',
    'It logs in to servers as --topology-user NAME with --topology-password TEXT; better ORCHESTRATOR_TOPOLOGY_USER and',
    'ORCHESTRATOR_TOPOLOGY_PASSWORD in the environment, or a configuration file (orchestrator config check reads it).',
    '',
  ].join('\n');
}

/** Every command in one line, by section. */
export function listing(operations: readonly Operation[]): string {
  const sections = SECTIONS.map((section) => {
    const own = operations.filter((operation) => operation.section === section).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return [`${section}:`, ...own.map((operation) => `  ${operation.name.padEnd(WIDTH)}${operation.about}`)].join('\n');
  });
  return [usage(), sections.join('\n\n'), '', 'orchestrator help COMMAND explains one. Every command takes --json.', ''].join('\n');
}

/** Exit statuses of a command that deserve a word; '' when none do. */
export function exitsText(operation: Operation): string {
  const exits = Object.entries(operation.exits ?? {});
  if (exits.length === 0) return '';
  return ['EXIT STATUSES', ...exits.map(([status, when]) => `  ${status}  ${when}`), ''].join('\n');
}

/** A command as programs read about it. */
export function described(operation: Operation): object {
  const {name, formerly, section, about, changes, exits = {}} = operation;
  const options = optionsOf(operation).map((option) => ({
    name: option.name,
    short: option.short ?? null,
    value: option.value,
    about: option.about,
  }));
  return {name, formerly, section, about, changes, options, exits};
}
