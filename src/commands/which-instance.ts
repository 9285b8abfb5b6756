import {whichInstance} from '../lib/operations/information/instances.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(whichInstance);
