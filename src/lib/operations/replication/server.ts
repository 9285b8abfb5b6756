import {OrchestratorError} from '../../errors/errors.ts';
import {coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText} from '../../model/instance-key.ts';
import {instance} from '../addressing.ts';
import {define, type Field, type Operation} from '../define.ts';
import {optionalDuration, optionalText, text} from '../fields.ts';
import {keyLine} from '../say.ts';
import {changing, SECTION} from './changing.ts';

const BINLOG = {name: 'binlog', short: 'n', value: 'FILE'} as const;

export const setReadOnly = changing({
  name: 'set-read-only',
  auditedAs: 'read-only',
  formerly: [],
  about: 'Switch read_only on; super_read_only too where UseSuperReadOnly is set',
  examples: ['set-read-only -i db1'],
  wish: () => ({do: 'set-read-only'}),
  routes: ['set-read-only'],
  message: 'Server set as read-only',
});

export const setWriteable = changing({
  name: 'set-writeable',
  auditedAs: 'read-only',
  formerly: [],
  about: 'Switch read_only off, and super_read_only with it',
  examples: ['set-writeable -i db1'],
  wish: () => ({do: 'set-writeable'}),
  routes: ['set-writeable'],
  message: 'Server set as writeable',
});

export const flushBinaryLogs = changing({
  name: 'flush-binary-logs',
  formerly: [],
  about: 'Begin a new binary log, or as many as it takes to reach the one named',
  examples: ['flush-binary-logs -i db1', 'flush-binary-logs -i db1 --binlog mysql-bin.000012'],
  input: {until: optionalText({...BINLOG, about: 'the file to be reached'})},
  wish: ({until}) => ({do: 'flush-binary-logs', until}),
  routes: ['flush-binary-logs'],
  message: 'Binary logs flushed',
});

export const purgeBinaryLogs = changing({
  name: 'purge-binary-logs',
  formerly: [],
  about: 'Remove the binary logs before the one named',
  details: 'Refused while a replica has not applied up to that file, or cannot be asked. Replicas are asked now.',
  examples: ['purge-binary-logs -i db1 --binlog mysql-bin.000012', 'purge-binary-logs -i db1 --binlog latest'],
  input: {before: text({...BINLOG, about: 'the first file that stays; latest: the one being written'})},
  force: 'remove them although a replica may need them',
  wish: ({before}) => ({do: 'purge-binary-logs', before}),
  routes: ['purge-binary-logs'],
  path: '/:logFile',
  params: {logFile: 'binlog'},
  query: {force: 'force'},
  message: 'Binary logs purged',
});

export const enableSemiSyncSource = semiSync('enable-semi-sync-master', 'source', true);
export const disableSemiSyncSource = semiSync('disable-semi-sync-master', 'source', false);
export const enableSemiSyncReplica = semiSync('enable-semi-sync-replica', 'replica', true);
export const disableSemiSyncReplica = semiSync('disable-semi-sync-replica', 'replica', false);

function semiSync(name: string, role: 'source' | 'replica', on: boolean): Operation {
  const receiver = role === 'replica' ? ', and restart its receiver so that it counts' : '';
  return changing({
    name,
    formerly: [],
    about: `Switch semi-sync of an instance as a ${role} ${on ? 'on' : 'off'}${receiver}`,
    examples: [`${name} -i db1`],
    wish: () => ({do: 'semi-sync', role, on}),
    routes: [name],
    message: `Semi-sync as a ${role} ${on ? 'enabled' : 'disabled'}`,
  });
}

const PROCESS: Field<number> = {
  options: [{name: 'process', value: 'ID', about: 'the session, as the process list of the server shows it'}],
  required: true,
  read(texts) {
    const given = texts['process'] ?? '';
    if (!/^\d+$/.test(given) || !Number.isSafeInteger(Number(given)) || Number(given) < 1) {
      throw new OrchestratorError('INPUT_INVALID', `--process ${JSON.stringify(given)} is not the number of a session`);
    }
    return () => Number(given);
  },
};

export const killQuery = define({
  name: 'kill-query',
  section: SECTION,
  formerly: [],
  about: 'End what a session of a server runs; the session stays',
  details:
    'Takes no lock, so that it also ends what keeps an operation waiting. Replication and other threads of the server are left alone.',
  examples: ['kill-query -i db1 --process 4711'],
  input: {instance: instance('the server'), process: PROCESS},
  changes: 'servers',
  async run(context, input) {
    const on = await context.onInstance();
    return {key: input.instance, instance: await on.killQuery(input.instance, {session: input.process, by: context.caller.user})};
  },
  print: ({key}) => keyLine(key),
  json: ({key}) => key,
  legacy: {
    http: [
      {
        path: 'kill-query/:host/:port/:process',
        reply: {shape: 'instance', from: (done) => done.instance, message: ({key}) => `Query killed: ${keyText(key)}`},
      },
    ],
  },
});

const POSITION: Field<BinlogCoordinates> = {
  options: [{...BINLOG, value: 'FILE:POSITION', about: 'where in the binary log of its source'}],
  required: true,
  read(texts) {
    const [, file, position] = /^([^:\s]+):(\d+)$/.exec(texts['binlog']?.trim() ?? '') ?? [];
    if (file === undefined) {
      throw new OrchestratorError('INPUT_INVALID', `--binlog ${JSON.stringify(texts['binlog'] ?? '')} is not FILE:POSITION`);
    }
    return () => ({file, position: Number(position)});
  },
};

export const sourcePositionWait = define({
  name: 'master-pos-wait',
  section: SECTION,
  formerly: [],
  about: 'Wait until a replica has applied up to a position in the binary log of its source',
  examples: ['master-pos-wait -i db2 --binlog mysql-bin.000012:4711', 'master-pos-wait -i db2 --binlog mysql-bin.000012:4 --timeout 1m'],
  input: {
    instance: instance('the replica'),
    at: POSITION,
    within: optionalDuration({name: 'timeout', value: '60s', about: 'how long at most; without it for as long as it takes'}),
  },
  changes: 'nothing',
  async run(context, {instance: key, at, within}) {
    await (await context.onInstance()).waitForPosition(key, {at, within});
    return key;
  },
  print: keyLine,
});

export const restartReplicaStatements = define({
  name: 'restart-replica-statements',
  section: SECTION,
  formerly: ['restart-slave-statements'],
  about: 'The statements that stop replication as it runs now, and start it again, with another statement in between',
  examples: ['restart-replica-statements -i db2', 'restart-replica-statements -i db2 --statement "set global slave_parallel_workers = 4"'],
  input: {
    instance: instance('the replica'),
    between: optionalText({name: 'statement', value: 'TEXT', about: 'the statement in between'}),
  },
  changes: 'nothing',
  run: async (context, {instance: key, between}) => (await context.onInstance()).restartStatements(key, between),
  print: (statements) => statements,
  legacy: {
    http: ['restart-slave-statements', 'restart-replica-statements'].map((name) => ({
      path: `${name}/:host/:port`,
      query: {q: 'statement'},
      reply: {shape: 'plain', message: () => 'statements'},
    })),
  },
});

export const lastExecutedRelayEntry = define({
  name: 'last-executed-relay-entry',
  section: SECTION,
  formerly: [],
  about: 'The last event of its relay log that a replica has applied',
  examples: ['last-executed-relay-entry -i db2'],
  input: {instance: instance('the replica')},
  changes: 'nothing',
  run: async (context, input) => (await context.onInstance()).lastExecutedRelayEntry(input.instance),
  print: ({at, nextPosition, type, info}) => [
    `{Coordinates:${coordinatesText(at)} NextEventPos:${nextPosition} EventType:${type} Info:${info.replaceAll(/\s/g, ' ')}}:${nextPosition}`,
  ],
});
