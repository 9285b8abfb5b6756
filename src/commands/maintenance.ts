import {maintenance} from '../lib/operations/downtime.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(maintenance);
