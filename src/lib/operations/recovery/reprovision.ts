import {OrchestratorError} from '../../errors/errors.ts';
import type {Reprovisioned} from '../../execute/reprovision/reprovision.ts';
import {keyText, parseInstanceKey, type InstanceKey} from '../../model/instance-key.ts';
import {instance, resolved} from '../addressing.ts';
import {define, type Field} from '../define.ts';
import {dryRun, optionalDuration} from '../fields.ts';

/** In seconds. */
const AN_HOUR = 3600;

export const reprovision = define({
  name: 'reprovision',
  section: 'Recovery',
  formerly: [],
  about: 'Make a MySQL server anew as a copy of another (CLONE plugin), and let it follow the source of that one',
  details:
    'Everything on the instance is lost. It must be closed (set-read-only), have no replicas and be in no replication group; both servers must be MySQL 8.0.17 or later of one series, with the clone plugin; our account needs CLONE_ADMIN on the instance and BACKUP_ADMIN on the other, given to it directly. At the end of a clone the server restarts by itself where something supervises it; elsewhere it shuts down, and has to be started within --timeout. Whether the disk has room cannot be known beforehand. When the command dies or its time is over, run it again: it begins anew; only a server that came back writable, because its own configuration does not say read_only, has to be closed first.',
  examples: ['reprovision -i db1 --from db3 --dry-run', 'reprovision -i db1 --from db3 --timeout 4h'],
  input: {
    instance: instance('the server to be made anew'),
    from: donor(),
    noop: dryRun(),
    within: optionalDuration({
      name: 'timeout',
      value: '1h',
      about: 'for the clone, and for the server to be back after it; without it an hour',
    }),
    wait: optionalDuration({
      name: 'wait',
      value: '30s',
      about: 'queue for so long when another operation is changing one of them; without it fail at once',
    }),
  },
  changes: 'servers',
  async run(context, {instance: key, from, noop, within, wait}): Promise<Reprovisioned> {
    const done = await (
      await context.onInstance()
    ).reprovision({
      instance: key,
      from,
      noop,
      within: (within ?? AN_HOUR) * 1000,
      wait: (wait ?? 0) * 1000,
      by: context.caller.user,
      progress: (sentence) => context.warn(sentence),
    });
    if (!noop) for (const remark of done.plan.remarks.slice(2)) context.warn(remark);
    return done;
  },
  print: ({plan, instance: made}) => (made ? [keyText(made.key)] : [...plan.steps.map((step) => `would ${step}`), ...plan.remarks]),
  json: ({plan, instance: made}) => ({...plan, done: made !== null}),
  exits: {
    1: 'the clone failed: the data of the server may be gone',
    4: 'refused: nothing was changed',
    6: 'the server is not back in time',
    7: 'another operation is changing one of them',
  },
});

function donor(): Field<InstanceKey> {
  return {
    options: [{name: 'from', value: 'host[:port]', about: 'whose data it gets'}],
    required: true,
    read({from}) {
      if (from === undefined || from.trim() === '') throw new OrchestratorError('INPUT_INVALID', '--from is missing: whose data it gets');
      parseInstanceKey(from, 3306);
      return (context) => resolved(context, from, {fuzzy: true});
    },
  };
}
