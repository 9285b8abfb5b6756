import type {Instance} from '../../model/instance.ts';
import {knownInstance} from '../addressing.ts';
import {define, type Operation} from '../define.ts';
import {keyLines} from '../say.ts';
import {SECTION} from './changing.ts';

export const isReplicatingOperation = threadsAre(
  'is-replicating',
  'running',
  'The instance, when both halves of its replication run; nothing otherwise',
);

export const isReplicationStopped = threadsAre(
  'is-replication-stopped',
  'stopped',
  'The instance, when both halves of its replication are stopped; nothing otherwise, nor for what is no replica',
);

function threadsAre(name: string, state: 'running' | 'stopped', about: string): Operation {
  return define({
    name,
    section: SECTION,
    formerly: [],
    about,
    details: 'As last probed.',
    examples: [`${name} -i db2`],
    input: {instance: knownInstance('the replica')},
    changes: 'nothing',
    run: (_context, {instance: one}): readonly Instance[] =>
      one.replication?.receiver.state === state && one.replication.applier.state === state ? [one] : [],
    print: keyLines,
    json: (found) => found.length > 0,
  });
}
