import {enableGlobalRecoveries} from '../lib/operations/recovery/recovery.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(enableGlobalRecoveries);
