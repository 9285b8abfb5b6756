import {inMaintenance} from '../lib/operations/instances/downtime.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(inMaintenance);
