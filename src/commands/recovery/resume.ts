import {recoveryResume} from '../../lib/operations/locks.ts';
import {commandFor} from '../../lib/surfaces/cli/command.ts';

export default commandFor(recoveryResume);
