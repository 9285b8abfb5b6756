import {reprovision} from '../lib/operations/recovery/reprovision.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(reprovision);
