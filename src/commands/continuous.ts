import {continuous} from '../lib/operations/service/service.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(continuous);
