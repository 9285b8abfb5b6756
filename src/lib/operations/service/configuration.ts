import {dumpConfig} from '../../config/dump.ts';
import {checkConfig, loadConfig} from '../../config/load.ts';
import {noticeLine, type Notice} from '../../config/notice.ts';
import {configSchema} from '../../config/schema.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {define} from '../define.ts';
import {flag} from '../fields.ts';

const SECTION = 'Configuration';

export const dumpConfigOperation = define({
  name: 'dump-config',
  localOnly: true,
  section: SECTION,
  formerly: [],
  about: 'The configuration in force, as one line of JSON; secrets are hidden',
  examples: ['dump-config', 'dump-config --config /etc/orchestrator.conf.json'],
  input: {showSecrets: flag('show-secrets', 'print secrets too; only on a terminal')},
  changes: 'nothing',
  run(context, {showSecrets}): string {
    if (showSecrets && context.caller.atTerminal !== true) {
      throw new OrchestratorError('FORBIDDEN', '--show-secrets prints on a terminal only, so that secrets land in no file');
    }
    const {config, origin} = loadConfig(context.loading);
    return dumpConfig(config, {showSecrets, origin});
  },
  print: (line) => [line],
  json: (line): unknown => JSON.parse(line),
});

export const configCheck = define({
  name: 'config check',
  localOnly: true,
  section: SECTION,
  formerly: [],
  about: 'Read the configuration and say what is wrong or odd about it',
  examples: ['config check', 'config check --config ./orchestrator.conf.json'],
  input: {},
  changes: 'nothing',
  run: (context): readonly Notice[] => checkConfig(context.loading),
  print: (notices) => (notices.length === 0 ? ['OK'] : notices.map((notice) => `${notice.level}: ${noticeLine(notice)}`)),
  status: (notices) => (notices.some((notice) => notice.level === 'error') ? 1 : 0),
  exits: {1: 'the configuration cannot be used'},
});

export const configSchemaOperation = define({
  name: 'config schema',
  localOnly: true,
  section: SECTION,
  formerly: [],
  about: 'JSON Schema of the configuration file, for editors',
  examples: ['config schema'],
  input: {},
  changes: 'nothing',
  run: () => configSchema(),
  print: (schema) => JSON.stringify(schema, null, 2).split('\n'),
});
