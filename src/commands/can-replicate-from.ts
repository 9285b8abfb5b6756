import {canReplicateFrom} from '../lib/operations/relocation/possible.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(canReplicateFrom);
