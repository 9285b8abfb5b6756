import {restartReplica} from '../lib/operations/replication/threads.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(restartReplica);
