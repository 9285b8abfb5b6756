import {OrchestratorError} from '../../errors/errors.ts';
import {define, type Field} from '../define.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Each asks this program what may stand where the cursor is, so that there is nothing in them to grow old. */
const SCRIPTS: Readonly<Record<Shell, readonly string[]>> = {
  bash: [
    '_orchestrator() {',
    '  local line=${COMP_LINE:0:COMP_POINT} word found',
    '  word=${line##*[[:space:]]}',
    '  COMPREPLY=()',
    '  while IFS= read -r found; do',
    '    # What bash replaces begins after the last of its word breaks.',
    '    COMPREPLY+=("${found#"${word%"${word##*[=:]}"}"}")',
    '  done < <(orchestrator completion --line="$line" 2>/dev/null)',
    '}',
    'complete -o default -F _orchestrator orchestrator',
  ],
  zsh: [
    '#compdef orchestrator',
    '_orchestrator() {',
    '  local -a found',
    '  found=(${(f)"$(orchestrator completion --line="${(j: :)words[1,CURRENT]}" 2>/dev/null)"})',
    '  compadd -a found',
    '}',
    'compdef _orchestrator orchestrator',
  ],
  fish: ["complete -c orchestrator -f -a '(orchestrator completion --line=(commandline -cp | string collect) 2>/dev/null)'"],
};

const shell: Field<Shell> = {
  options: [
    {name: 'shell', value: SHELLS.join('|'), about: 'the shell to complete command lines in'},
    {name: 'line', value: 'TEXT', about: 'instead of a script: what may follow on this command line; for the scripts'},
  ],
  required: true,
  bare: 'shell',
  read({shell: given}) {
    const found = SHELLS.find((one) => one === given);
    if (found === undefined) {
      throw new OrchestratorError(
        'INPUT_INVALID',
        given === undefined ? '--shell is missing' : `--shell ${JSON.stringify(given)} is none we know`,
        {
          hint: `give one of ${SHELLS.join(', ')}`,
        },
      );
    }
    return () => found;
  },
};

export const completion = define({
  name: 'completion',
  localOnly: true,
  section: 'Meta',
  formerly: [],
  about: 'Print a script that completes command lines in a shell',
  details:
    'Commands, options, and instances, clusters and tags from the backend, without a word when it is down. For bash: `source <(orchestrator completion bash)` in ~/.bashrc; for zsh: the same after compinit, in ~/.zshrc; for fish: `orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish`.',
  examples: ['completion bash', 'completion fish'],
  input: {shell},
  changes: 'nothing',
  run: (_context, {shell: wanted}) => SCRIPTS[wanted],
  print: (lines) => lines,
});
