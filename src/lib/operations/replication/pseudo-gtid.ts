import {OrchestratorError} from '../../errors/errors.ts';
import {coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {instance} from '../addressing.ts';
import {define, type Field} from '../define.ts';
import {flag, text} from '../fields.ts';
import {target} from '../relocation/ask.ts';
import {SECTION} from './changing.ts';

export const lastPseudoGtid = define({
  name: 'last-pseudo-gtid',
  section: SECTION,
  formerly: [],
  about: 'The last Pseudo-GTID entry of an instance, in its binary logs, else in what it applied of its relay logs',
  examples: ['last-pseudo-gtid -i db2'],
  input: {
    instance: instance('the instance'),
    strict: flag('strict', 'search all logs; they always are, newest first, so this changes nothing'),
  },
  changes: 'nothing',
  run: async (context, input) => (await context.onInstance()).lastPseudoGtid(input.instance),
  print: ({at, text: entry}) => [`${coordinatesText(at)}:${entry}`],
  legacy: {
    http: [
      {path: 'last-pseudo-gtid/:host/:port', reply: {shape: 'plain', from: (mark) => mark.text, message: ({at}) => coordinatesText(at)}},
    ],
  },
  exits: {3: 'it has none'},
});

export const findBinlogEntry = define({
  name: 'find-binlog-entry',
  section: SECTION,
  formerly: [],
  about: 'Where in the binary logs of an instance an event of exactly this text begins',
  examples: ['find-binlog-entry -i db2 --pattern "drop view if exists `_pseudo_gtid_`.`_asc:5f5e0ff5:00000001:8a0b1c2d3e4f5061`"'],
  input: {
    instance: instance('the instance'),
    entry: text({name: 'pattern', value: 'TEXT', about: 'the whole text of the event, as last-pseudo-gtid shows it'}),
  },
  changes: 'nothing',
  run: async (context, input) => (await context.onInstance()).findBinlogEntry(input.instance, input.entry),
  print: (at) => [coordinatesText(at)],
  exits: {3: 'there is none'},
});

export const correlateBinlogPos = define({
  name: 'correlate-binlog-pos',
  section: SECTION,
  formerly: [],
  about: 'The place in the binary logs of another instance that is the same as one in those of an instance, by Pseudo-GTID',
  examples: ['correlate-binlog-pos -i db2 -d db3', 'correlate-binlog-pos -i db2 --binlog binlog.000012:4711 -d db3'],
  input: {instance: instance('the instance'), other: target('in whose logs to look'), at: place('without it where they end now')},
  changes: 'nothing',
  run: async (context, {instance: key, ...wish}) => (await context.onInstance()).correlateBinlog(key, wish),
  print: (at) => [coordinatesText(at)],
  exits: {3: 'there is none'},
});

export const correlateRelaylogPos = define({
  name: 'correlate-relaylog-pos',
  section: SECTION,
  formerly: [],
  about: 'The same event in the relay logs of two replicas of one source: where it is in both, and what comes after it in the second',
  examples: ['correlate-relaylog-pos -i db2 -d db3'],
  input: {instance: instance('the instance'), other: target('in whose logs to look'), at: place('without it what was applied last')},
  changes: 'nothing',
  run: async (context, {instance: key, ...wish}) => (await context.onInstance()).correlateRelayLog(key, wish),
  print: ({own, other, next}) => [[own, other, next].map(coordinatesText).join(';')],
  exits: {3: 'there is none'},
});

/** `FILE:POSITION`; null when absent. */
function place(absent: string): Field<BinlogCoordinates | null> {
  return {
    options: [{name: 'binlog', short: 'n', value: 'FILE:POSITION', about: `the place in the logs of the instance; ${absent}`}],
    required: false,
    read({binlog}) {
      if (binlog === undefined) return () => null;
      const [, file, position] = /^([^:\s]+):(\d{1,15})$/.exec(binlog.trim()) ?? [];
      if (file === undefined) throw new OrchestratorError('INPUT_INVALID', `--binlog ${JSON.stringify(binlog)} is not FILE:POSITION`);
      return () => ({file, position: Number(position)});
    },
  };
}
