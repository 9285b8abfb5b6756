import {DEFAULT_FILES} from '../../src/lib/config/files.ts';
import {GROUPS, type Group, type KeyDeclaration} from '../../src/lib/config/declare.ts';
import {KEYS, KEY_NAMES, type KeyName} from '../../src/lib/config/keys.ts';
import {OBSOLETE_KEYS} from '../../src/lib/config/known.ts';
import {takesEffectAtOnce} from '../../src/lib/config/reload.ts';
import {TYPE_WORDS} from '../../src/lib/config/types.ts';

/** docs/configuration.md: how files are read, and a table of keys for each group. */
export function configurationPage(): string {
  const sections = Object.keys(GROUPS).map((group) => section(group as Group));
  return [INTRODUCTION, ...sections, OBSOLETE].join('\n\n') + '\n';
}

const INTRODUCTION = `<!-- Written by script/generate from src/lib/config/keys.ts. Change it there. -->

# Configuration

One JSON object. \`orchestrator --config FILE\` reads that file and no other. Without \`--config\` these are read, in order,
and every one that exists counts, later ones over earlier ones key by key:

${DEFAULT_FILES.map((file) => `1. \`${file}\``).join('\n')}

- Keys may be written in any letter case. A list replaces the list before it; an object is merged into the one before it; \`null\`
  leaves a value as it was. A value of the wrong type, or one that contradicts another, is an error that names file and key.
- Unknown and obsolete keys are ignored with a warning. \`$schema\`, and keys that begin with \`_\`, \`#\` or \`//\`, are remarks.
- \`"\${NAME}"\` in MySQLOrchestratorPassword or MySQLTopologyPassword is the environment variable NAME.
- A credentials file holds \`[client]\`, then \`user = …\` and \`password = …\`; values with special characters go in double quotes.
- Regular expressions are unanchored, and may begin with \`(?i)\`. One that does not compile matches nothing, with a warning.
- \`orchestrator config check\` lists everything that is wrong or probably not meant so. \`orchestrator dump-config\` prints what is in
  force; passwords print as \`********\`, here and everywhere, unless \`--show-secrets\` asks for them on a terminal.
- SIGHUP (\`systemctl reload\`), or \`POST /api/reload-configuration\`, has a running service read its files again. Keys that are
  marked *Taken up while running* are in force at once; a line of the log names those that changed and wait for a restart. Files
  that cannot be used change nothing, and the log says what is wrong with them.
- \`orchestrator.conf.json.example\` is a start. An editor that is told of \`docs/orchestrator.conf.schema.json\` completes and explains keys.

**Without any file** orchestrator keeps its state in an SQLite file of the user (\`$XDG_STATE_HOME\`, else \`~/.local/state\`, then
\`orchestrator/orchestrator.sqlite\`), listens on 127.0.0.1:3000, and logs in to managed servers as \`ORCHESTRATOR_TOPOLOGY_USER\`
with \`ORCHESTRATOR_TOPOLOGY_PASSWORD\`. That is one node, on one machine: for several, name a shared database in a file.`;

function section(group: Group): string {
  const rows = KEY_NAMES.filter((key) => KEYS[key].group === group).map((key) => row(key, KEYS[key]));
  return [`## ${GROUPS[group]}`, '', '| key | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function row(key: KeyName, {type, default: value, about, unused, since}: KeyDeclaration): string {
  const live = takesEffectAtOnce(key) && !unused;
  const remarks = [
    live ? '*Taken up while running.*' : '',
    unused ? '*Has no effect.*' : '',
    since === undefined ? '' : `*Since ${since}.*`,
  ].filter(Boolean);
  const cells = [key, TYPE_WORDS[type], value === null ? '' : `\`${JSON.stringify(value)}\``, [about, ...remarks].join('. ')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const OBSOLETE = `## Obsolete keys

Accepted so that old files load, and ignored with a warning: ${OBSOLETE_KEYS.map((key) => `\`${key}\``).join(', ')}.`;
