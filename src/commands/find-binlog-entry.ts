import {findBinlogEntry} from '../lib/operations/replication/pseudo-gtid.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(findBinlogEntry);
