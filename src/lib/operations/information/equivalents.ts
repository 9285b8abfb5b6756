import {OrchestratorError} from '../../errors/errors.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText} from '../../model/instance-key.ts';
import {equivalentsOf, type LogPlace} from '../../store/equivalence.ts';
import {instance} from '../addressing.ts';
import {define, type Field} from '../define.ts';

/** `--binlog file:position`; over HTTP also two parts of the path. */
const PLACE: Field<BinlogCoordinates> = {
  options: [{name: 'binlog', short: 'n', value: 'FILE:POSITION', about: 'the place in its binary log'}],
  required: true,
  read({binlog, logFile, logPos}) {
    const given = binlog ?? `${logFile ?? ''}:${logPos ?? ''}`;
    const [, file, position] = /^([^:\s]+):(\d{1,15})$/.exec(given.trim()) ?? [];
    if (file === undefined)
      throw new OrchestratorError('INPUT_INVALID', `--binlog ${JSON.stringify(given)} is not a place in a binary log`, {
        hint: 'write file:position, such as binlog.000003:4711',
      });
    return () => ({file, position: Number(position)});
  },
};

export const masterEquivalent = define({
  name: 'master-equivalent',
  section: 'Information',
  formerly: [],
  about: 'Places in the binary logs of other servers that are known to be the same as one of this server',
  details: 'Known from replicas that were moved from one to the other. move-equivalent goes by it.',
  examples: ['master-equivalent -i db1 --binlog binlog.000003:4711'],
  input: {instance: instance('the server'), at: PLACE},
  changes: 'nothing',
  run: async (context, input): Promise<readonly LogPlace[]> => equivalentsOf(await context.backend(), {key: input.instance, at: input.at}),
  print: (places) => places.map(({key, at}) => `${keyText(key)} ${at.file}:${at.position}`),
  legacy: {
    http: [
      {
        path: 'master-equivalent/:host/:port/:logFile/:logPos',
        reply: {shape: 'log-places', message: (places) => `Found ${places.length} equivalent coordinates`},
      },
    ],
  },
});
