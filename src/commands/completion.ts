import {completion} from '../lib/operations/service/completion.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(completion);
