import {contentionError} from '../../coordination/lock/contention.ts';
import {blockersOf} from '../../coordination/lock/rows.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {beginDowntime, endDowntime} from '../../store/downtime.ts';
import {
  activeMaintenance,
  beginMaintenance,
  endMaintenance,
  endMaintenanceById,
  isInMaintenance,
  type Maintenance,
} from '../../store/maintenance.ts';
import {instance, warnIfUnknown} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import type {Context} from '../context.ts';
import {define, type Field} from '../define.ts';
import {duration, integer, reason} from '../fields.ts';
import {about} from '../replies.ts';
import {keyLine} from '../say.ts';

const SECTION = 'Instance management';

export const beginDowntimeOperation = define({
  name: 'begin-downtime',
  section: SECTION,
  formerly: [],
  about: 'Keep orchestrator from recovering an instance for a while',
  examples: ['begin-downtime -i db1 --duration 30m --reason "new disk"'],
  input: {
    instance: instance('the instance to leave alone'),
    duration: duration('for how long'),
    reason: reason('why, for the people who will wonder'),
  },
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    await warnIfUnknown(context, input.instance);
    const owner = context.caller.user;
    await beginDowntime(await context.backend(), input.instance, {owner, reason: input.reason, lasting: input.duration});
    await audit(context, {type: 'begin-downtime', key: input.instance, message: `owner: ${owner}, reason: ${input.reason}`});
    return input.instance;
  },
  print: keyLine,
  legacy: {
    http: [
      {path: 'begin-downtime/:host/:port/:owner/:reason', reply: {shape: 'key', message: about('Downtime begun')}},
      {path: 'begin-downtime/:host/:port/:owner/:reason/:duration', reply: {shape: 'key', message: about('Downtime begun')}},
    ],
  },
});

export const endDowntimeOperation = define({
  name: 'end-downtime',
  section: SECTION,
  formerly: [],
  about: 'Let orchestrator recover an instance again',
  examples: ['end-downtime -i db1'],
  input: {instance: instance('the downtimed instance')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    if (await endDowntime(await context.backend(), input.instance))
      await audit(context, {type: 'end-downtime', key: input.instance, message: ''});
    return input.instance;
  },
  print: keyLine,
  legacy: {http: [{path: 'end-downtime/:host/:port', reply: {shape: 'key', message: about('Downtime ended')}}]},
});

export const beginMaintenanceOperation = define({
  name: 'begin-maintenance',
  section: SECTION,
  formerly: [],
  about: 'Keep every other operation away from an instance for a while',
  details: 'Locks that operations take count as maintenance: where somebody is at work, it is said who, what for and since when.',
  examples: ['begin-maintenance -i db1 --duration 2h --reason "schema change"'],
  input: {instance: instance('the instance'), duration: duration('for how long'), reason: reason('why')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    await warnIfUnknown(context, input.instance);
    const owner = context.caller.user;
    const wish = {owner, reason: input.reason, lasting: input.duration, processor: context.node};
    const begun = await beginMaintenance(await context.backend(), input.instance, wish);
    if (!begun) throw await whoHas(context, input.instance);
    await audit(context, {type: 'begin-maintenance', key: input.instance, message: `owner: ${owner}, reason: ${input.reason}`});
    return input.instance;
  },
  print: keyLine,
  legacy: {http: [{path: 'begin-maintenance/:host/:port/:owner/:reason', reply: {shape: 'key', message: about('Maintenance begun')}}]},
});

/** Who keeps an instance from us, what for and since when: an operation under a lock, or a person. */
async function whoHas(context: Context, key: InstanceKey): Promise<OrchestratorError> {
  const [blocker] = await blockersOf(await context.backend(), [key]);
  if (blocker?.lock) return contentionError(blocker.contention);
  const already = `${keyText(key)} is in maintenance already`;
  if (!blocker) return new OrchestratorError('CONTENDED', already, {hint: 'it has just ended; try again'});
  const {purpose, since, holder} = blocker.contention;
  return new OrchestratorError('CONTENDED', `${already}: ${purpose}, since ${since}, from ${holder.hostname}`, {
    hint: 'orchestrator end-maintenance ends it',
  });
}

/** What an operation under way has for itself is not to be given to others. */
async function mustNotBeLocked(context: Context, key: InstanceKey): Promise<void> {
  const [blocker] = await blockersOf(await context.backend(), [key]);
  if (blocker?.lock) throw contentionError(blocker.contention);
}

const NUMBER: Field<number | null> = integer(
  {name: 'id', value: 'NUMBER', about: 'the maintenance of this number, as maintenance shows it, instead of an instance'},
  {least: 1, absent: null},
);

export const endMaintenanceOperation = define({
  name: 'end-maintenance',
  section: SECTION,
  formerly: [],
  about: 'Give an instance back to other operations',
  details: 'What an operation under way has for itself is left to it; `unlock` takes that away.',
  examples: ['end-maintenance -i db1', 'end-maintenance --id 12'],
  input: {instance: instance('the instance'), id: NUMBER},
  changes: 'backend',
  async run(context, {instance: given, id}): Promise<{readonly key: InstanceKey; readonly id: number | null}> {
    const backend = await context.backend();
    const found = id === null ? {key: given, ended: await endMaintenance(backend, given)} : await endMaintenanceById(backend, id);
    if (found === null)
      throw new OrchestratorError('NOT_FOUND', `there is no maintenance ${id}`, {hint: 'orchestrator maintenance lists all'});
    const {key, ended} = found;
    if (ended) await audit(context, {type: 'end-maintenance', key, message: ''});
    else await mustNotBeLocked(context, key);
    return {key, id};
  },
  print: ({key}) => keyLine(key),
  json: ({key}) => key,
  legacy: {
    http: [
      {
        path: 'end-maintenance/:host/:port',
        reply: {shape: 'key', from: ({key}) => key, message: ({key}) => about('Maintenance ended')(key)},
      },
      {
        path: 'end-maintenance/:maintenanceKey',
        params: {maintenanceKey: 'id'},
        reply: {shape: 'plain', from: ({id}) => id, message: ({key}) => about('Maintenance ended')(key)},
      },
    ],
  },
});

export const maintenance = define({
  name: 'maintenance',
  section: SECTION,
  formerly: [],
  about: 'Instances in maintenance now, by people or by operations under way',
  examples: ['maintenance', 'maintenance --json'],
  input: {},
  changes: 'nothing',
  run: async (context): Promise<readonly Maintenance[]> => activeMaintenance(await context.backend()),
  print: (all) => all.map((one) => maintenanceCells(one).join('\t')),
  table: (all) => ({head: ['number', 'instance', 'owner', 'since', 'until', 'reason'], rows: all.map(maintenanceCells)}),
  legacy: {http: [{path: 'maintenance', reply: {shape: 'maintenances'}}]},
});

function maintenanceCells({id, key, owner, since, endsAt, reason: why}: Maintenance): readonly string[] {
  return [String(id), keyText(key), owner, since, endsAt, why.replaceAll(/\s/g, ' ')];
}

export const inMaintenance = define({
  name: 'in-maintenance',
  section: SECTION,
  formerly: [],
  about: 'The instance, when it is in maintenance now; nothing otherwise',
  examples: ['in-maintenance -i db1'],
  input: {instance: instance('the instance')},
  changes: 'nothing',
  run: async (context, input): Promise<InstanceKey | null> =>
    (await isInMaintenance(await context.backend(), input.instance)) ? input.instance : null,
  print: (key) => (key === null ? [] : keyLine(key)),
  legacy: {
    http: [
      {
        path: 'in-maintenance/:host/:port',
        reply: {shape: 'plain', from: (key) => (key === null ? '' : keyText(key)), message: (key) => String(key !== null)},
      },
    ],
  },
});
