import {configCheck} from '../../lib/operations/service/configuration.ts';
import {commandFor} from '../../lib/surfaces/cli/command.ts';

export default commandFor(configCheck);
