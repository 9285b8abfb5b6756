import {killQuery} from '../lib/operations/replication/server.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(killQuery);
