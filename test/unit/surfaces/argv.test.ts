import {expect, test} from 'vitest';
import type {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {understand, type Request} from '../../../src/lib/surfaces/cli/argv.ts';

/** What a command line means, short enough for a table. */
function meaning(argv: string): unknown {
  const request: Request = understand(split(argv), ALL);
  if (request.ask !== 'run') return request;
  const {operation, form, texts, common} = request;
  return {run: operation.name, ...(form === 'plain' ? {} : {form}), texts, ...(Object.keys(common).length === 0 ? {} : {common})};
}

/** Like a shell: words, with 'single quotes'. */
function split(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
}

test.each([
  // both forms
  {argv: 'clusters', means: {run: 'clusters', texts: {}}},
  {argv: '-c clusters', means: {run: 'clusters', form: 'version-3', texts: {}}},
  {argv: '-c=clusters', means: {run: 'clusters', form: 'version-3', texts: {}}},
  {argv: '--c clusters cli', means: {run: 'clusters', form: 'version-3', texts: {}}},
  {argv: 'cli -c clusters', means: {run: 'clusters', form: 'version-3', texts: {}}},
  // one dash, two dashes, with and without =
  {argv: 'which-instance -i db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance --i db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance -i=db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance -instance db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance --instance=db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance db1', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: '-config x.json -c clusters', means: {run: 'clusters', form: 'version-3', texts: {}, common: {config: 'x.json'}}},
  {argv: 'clusters --config=x.json', means: {run: 'clusters', texts: {}, common: {config: 'x.json'}}},
  // order, repetition
  {argv: '-i db1 which-instance', means: {run: 'which-instance', texts: {instance: 'db1'}}},
  {argv: 'which-instance -i db1 -i db2', means: {run: 'which-instance', texts: {instance: 'db2'}}},
  {argv: '-i db1 -c which-instance', means: {run: 'which-instance', form: 'version-3', texts: {instance: 'db1'}}},
  // values that look like options or are empty
  {argv: "begin-downtime -i db1 -reason '-x is broken'", means: {run: 'begin-downtime', texts: {instance: 'db1', reason: '-x is broken'}}},
  {argv: 'begin-downtime -i db1 --reason=a=b', means: {run: 'begin-downtime', texts: {instance: 'db1', reason: 'a=b'}}},
  {argv: 'search -- --weird', means: {run: 'search', texts: {pattern: '--weird'}}},
  // letters
  {
    argv: 'begin-downtime -i db1 -r why -u 30m -o me',
    means: {run: 'begin-downtime', texts: {instance: 'db1', reason: 'why', duration: '30m'}, common: {owner: 'me'}},
  },
  {argv: 'topology -a shop', means: {run: 'topology', texts: {alias: 'shop'}}},
  {argv: 'topology shop', means: {run: 'topology', texts: {cluster: 'shop'}}},
  {
    argv: 'register-candidate -i db1 -R must_not',
    means: {run: 'register-candidate', texts: {instance: 'db1', 'promotion-rule': 'must_not'}},
  },
  {argv: 'recover -i db1 -d db2', means: {run: 'recover', texts: {instance: 'db1', destination: 'db2'}}},
  {argv: 'recover -i db1 -s db2', means: {run: 'recover', texts: {instance: 'db1', sibling: 'db2'}}},
  // switches
  {argv: 'clusters --json --debug=false', means: {run: 'clusters', texts: {}, common: {json: 'true', debug: 'false'}}},
  {argv: 'clusters -verbose -quiet=T', means: {run: 'clusters', texts: {}, common: {verbose: 'true', quiet: 'true'}}},
  {argv: 'serve --discovery=false', means: {run: 'serve', texts: {discovery: 'false'}}},
  {argv: 'serve --no-discovery', means: {run: 'serve', texts: {discovery: 'false'}}},
  {argv: "serve --recover '*'", means: {run: 'serve', texts: {recover: '*'}}},
  // old names
  {argv: 'http', means: {run: 'serve', texts: {}}},
  {argv: '--debug http', means: {run: 'serve', texts: {}, common: {debug: 'true'}}},
  {argv: '-c which-slaves -i db1', means: {run: 'which-replicas', form: 'version-3', texts: {instance: 'db1'}}},
  {argv: '-c continuous', means: {run: 'continuous', form: 'version-3', texts: {}}},
  // options of other commands are borne in the old form only
  {argv: '-c clusters --tag x -strict', means: {run: 'clusters', form: 'version-3', texts: {}, common: {tag: 'x', strict: 'true'}}},
  // two words
  {argv: 'config check --json', means: {run: 'config check', texts: {}, common: {json: 'true'}}},
  // not commands
  {argv: '', means: {ask: 'usage'}},
  {argv: '--debug', means: {ask: 'usage'}},
  {argv: 'cli', means: {ask: 'usage'}},
  {argv: '--version', means: {ask: 'version'}},
  {argv: '-version -c nonsense', means: {ask: 'version'}},
  {argv: 'help', means: {ask: 'help', topic: null, form: 'plain'}},
  {argv: '-c help', means: {ask: 'help', topic: null, form: 'version-3'}},
  {argv: 'help topology', means: {ask: 'help', topic: 'topology', form: 'plain'}},
  {argv: 'help config check', means: {ask: 'help', topic: 'config check', form: 'plain'}},
  {argv: '-c topology help', means: {ask: 'help', topic: 'topology', form: 'plain'}},
  {argv: 'topology --help', means: {ask: 'help', topic: 'topology', form: 'plain'}},
  {argv: 'help topology --json', means: {ask: 'help', topic: 'topology', form: 'plain', json: true}},
  {argv: '-h --format json', means: {ask: 'help', topic: null, form: 'plain', json: true}},
  {argv: '-h', means: {ask: 'help', topic: null, form: 'plain'}},
  {argv: 'topolgy', means: {ask: 'unknown', name: 'topolgy', form: 'plain'}},
  {argv: '-c topolgy', means: {ask: 'unknown', name: 'topolgy', form: 'version-3'}},
])('orchestrator $argv', ({argv, means}) => {
  expect(meaning(argv)).toEqual(means);
});

test.each([
  {argv: 'clusters --jsno', says: 'clusters has no option --jsno (did you mean --json?)'},
  {argv: 'clusters --tag x', says: 'clusters has no option --tag (orchestrator help clusters lists the options)'},
  {argv: '-c clusters --tagg x', says: 'clusters has no option --tagg'},
  {argv: '--cofnig x', says: '--cofnig is not an option (did you mean --config?)'},
  {argv: 'which-instance -i', says: '-i needs a value: host[:port]'},
  {argv: '-c', says: '-c needs a value: NAME'},
  {argv: 'clusters --json=maybe', says: '--json is either on or off, and "maybe" is neither (write --json or --json=false)'},
  {argv: 'which-instance db1 db2', says: 'which-instance does not know what to do with "db2"'},
  {argv: 'clusters extra', says: 'clusters does not know what to do with "extra"'},
  {argv: '-c clusters http', says: 'clusters does not know what to do with "http"'},
  {argv: 'clusters -=x', says: '-=x is not an option'},
])('orchestrator $argv is refused: $says', ({argv, says}) => {
  let refusal: unknown;
  try {
    understand(split(argv), ALL);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({code: 'USAGE'});
  const {message, hint = ''} = refusal as OrchestratorError;
  expect(`${message} (${hint})`).toContain(says);
});
