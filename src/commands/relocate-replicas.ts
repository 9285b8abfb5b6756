import {relocateReplicas} from '../lib/operations/relocation/many.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(relocateReplicas);
