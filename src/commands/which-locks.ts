import {whichLocks} from '../lib/operations/recovery/locks.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(whichLocks);
