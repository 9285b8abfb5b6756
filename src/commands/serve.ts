import {serve} from '../lib/operations/service.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(serve);
