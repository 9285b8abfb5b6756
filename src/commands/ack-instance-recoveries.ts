import {ackInstanceRecoveries} from '../lib/operations/recovery.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(ackInstanceRecoveries);
