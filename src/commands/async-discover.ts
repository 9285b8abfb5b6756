import {asyncDiscover} from '../lib/operations/management.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(asyncDiscover);
