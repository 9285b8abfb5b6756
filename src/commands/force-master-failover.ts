import {forceMasterFailover} from '../lib/operations/recovery/takeover.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(forceMasterFailover);
