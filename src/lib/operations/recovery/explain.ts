import type {InstanceKey} from '../../model/instance-key.ts';
import {instance} from '../addressing.ts';
import {define, type Field} from '../define.ts';
import type {Explained} from './explaining.ts';

/** What is to be explained: an instance, or a recovery that there was. */
const subject: Field<{readonly key: InstanceKey} | {readonly uid: string}> = {
  options: [
    {name: 'instance', short: 'i', value: 'host[:port]', about: 'the instance to explain; without it this host'},
    {name: 'recovery', value: 'UID', about: 'instead of an instance: the recovery of this UID, as audit-recovery shows it'},
  ],
  required: false,
  bare: 'instance',
  read(texts) {
    const uid = texts['recovery']?.trim();
    if (uid) return () => ({uid});
    const lookup = instance('the instance to explain').read(texts);
    return async (context) => ({key: await lookup(context)});
  },
};

export const explain = define({
  name: 'explain',
  section: 'Replication analysis',
  formerly: [],
  about: 'Why an instance is judged as it is, and what would be done about it; or what a recovery was decided from, and did',
  details:
    'Of an instance: what was seen of it and its replicas, and when; which rule matched, and why each before it did not; what holds a recovery back; whom it would promote and why nobody else; what the leader refused last. Of one that is well, what would happen if it failed now. From the rules and the planner that the leader uses; probes nothing and changes nothing.',
  examples: ['explain -i db1', 'explain db1:3307 --json', 'explain --recovery 1700000000000000000:0a1b'],
  input: {subject},
  changes: 'nothing',
  async run(context, {subject: wanted}): Promise<Explained> {
    // Loaded here, since most command lines do without the planner.
    const {explainInstance, explainRecovery} = await import('./explaining.ts');
    return 'uid' in wanted ? explainRecovery(context, wanted.uid) : explainInstance(context, wanted.key);
  },
  print: ({lines}) => lines,
  json: ({json}) => json,
  exits: {3: 'no such instance or recovery is known'},
});
