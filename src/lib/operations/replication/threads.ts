import {integer} from '../fields.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import type {Field} from '../define.ts';
import {changing} from './changing.ts';

const DROP = 'go on although something that was received and not applied is lost; this is audited';
const KEEPS =
  'What the replica has received and not applied is never dropped silently. Where stopping would drop it (MariaDB by GTID), it is applied first; where that cannot be done, its source must still have it, or nothing is done.';

export const startReplica = changing({
  name: 'start-replica',
  formerly: ['start-slave'],
  about: 'Start replication, and see it run',
  examples: ['start-replica -i db2'],
  wish: () => ({do: 'start-replica'}),
  routes: ['start-slave', 'start-replica'],
  message: 'Replica started',
});

export const stopReplica = changing({
  name: 'stop-replica',
  formerly: ['stop-slave'],
  about: 'Stop replication',
  details: KEEPS,
  examples: ['stop-replica -i db2', 'stop-replica -i db2 --noop'],
  force: DROP,
  drains: true,
  wish: () => ({do: 'stop-replica'}),
  routes: ['stop-slave', 'stop-replica'],
  message: 'Replica stopped',
});

export const stopReplicaNice = changing({
  name: 'stop-replica-nice',
  formerly: ['stop-slave-nice'],
  about: 'Stop replication once everything that was received is applied',
  details: 'When it is not applied in time, nothing is stopped.',
  examples: ['stop-replica-nice -i db2', 'stop-replica-nice -i db2 --timeout 10m'],
  force: 'stop it also when it was not applied in time',
  drains: true,
  wish: () => ({do: 'stop-replica-nice'}),
  routes: ['stop-slave-nice', 'stop-replica-nice'],
  message: 'Replica stopped nicely',
});

export const restartReplica = changing({
  name: 'restart-replica',
  formerly: ['restart-slave'],
  about: 'Stop and start replication, and see it run',
  details: 'On MariaDB by GTID the two threads are restarted one after the other, so that nothing that was received is dropped.',
  examples: ['restart-replica -i db2'],
  wish: () => ({do: 'restart-replica'}),
  routes: ['restart-slave', 'restart-replica'],
  message: 'Replica restarted',
});

export const resetReplica = changing({
  name: 'reset-replica',
  auditedAs: 'reset-slave',
  formerly: ['reset-slave'],
  about: 'Let a replica forget its source, once it has applied what it received',
  examples: ['reset-replica -i db2', 'reset-replica -i db2 --noop'],
  force: DROP,
  drains: true,
  wish: () => ({do: 'reset-replica'}),
  routes: ['reset-slave', 'reset-replica'],
  message: 'Replica reset',
});

export const detachReplica = changing({
  name: 'detach-replica-master-host',
  formerly: ['detach-replica', 'detach-slave', 'detach-slave-master-host'],
  about: 'Stop a replica, and point it at a host that does not exist, so that nobody starts it by accident',
  details: KEEPS,
  examples: ['detach-replica-master-host -i db2'],
  force: DROP,
  drains: true,
  wish: () => ({do: 'detach-replica-source-host'}),
  routes: ['detach-slave', 'detach-replica', 'detach-slave-master-host', 'detach-replica-master-host'],
  message: 'Replica detached',
});

export const reattachReplica = changing({
  name: 'reattach-replica-master-host',
  formerly: ['reattach-replica', 'reattach-slave', 'reattach-slave-master-host'],
  about: 'Undo detach-replica-master-host, and see replication run',
  examples: ['reattach-replica-master-host -i db2'],
  force: DROP,
  drains: true,
  wish: () => ({do: 'reattach-replica-source-host'}),
  routes: ['reattach-slave', 'reattach-replica', 'reattach-slave-master-host', 'reattach-replica-master-host'],
  message: 'Replica reattached',
});

const GIVEN = integer({name: 'seconds', short: 'S', value: 'SECONDS', about: 'how late; 0 = not at all'}, {least: 0, absent: null});

const DELAY: Field<number> = {
  ...GIVEN,
  required: true,
  read(texts) {
    const lookup = GIVEN.read(texts);
    if (texts['seconds'] === undefined)
      throw new OrchestratorError('INPUT_INVALID', '--seconds is missing: how late to apply; 0 = not at all');
    return async (context) => (await lookup(context)) ?? 0;
  },
};

export const delayReplication = changing({
  name: 'delay-replication',
  formerly: [],
  about: 'Let a replica apply so many seconds late',
  details: KEEPS,
  examples: ['delay-replication -i db2 --seconds 3600', 'delay-replication -i db2 -S 0'],
  input: {delay: DELAY},
  force: DROP,
  drains: true,
  wish: ({delay}) => ({do: 'delay-replication', delay}),
  routes: ['delay-replication'],
  path: '/:seconds',
  plain: (wish) => (wish.do === 'delay-replication' ? wish.delay : null),
  message: 'Replication delayed',
});

export const skipQuery = changing({
  name: 'skip-query',
  formerly: [],
  about: 'Leave out what the applier of a replica failed at, and see replication run',
  details: 'With GTIDs on MySQL a transaction without effect takes its place; elsewhere the server skips one event group.',
  examples: ['skip-query -i db2', 'skip-query -i db2 --noop'],
  wish: () => ({do: 'skip-query'}),
  routes: ['skip-query'],
  message: 'Query skipped',
});
