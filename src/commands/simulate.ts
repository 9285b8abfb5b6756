import {simulate} from '../lib/operations/recovery/simulate.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(simulate);
