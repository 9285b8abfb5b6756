import {masterEquivalent} from '../lib/operations/information/equivalents.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(masterEquivalent);
