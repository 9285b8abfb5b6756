import {explain} from '../lib/operations/recovery/explain.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(explain);
