import {forgetOperation} from '../lib/operations/instances/management.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(forgetOperation);
