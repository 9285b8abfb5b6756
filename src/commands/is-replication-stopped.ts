import {isReplicationStopped} from '../lib/operations/replication/state.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(isReplicationStopped);
