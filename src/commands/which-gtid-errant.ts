import {whichGtidErrant} from '../lib/operations/replication/gtid.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(whichGtidErrant);
