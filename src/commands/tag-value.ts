import {tagValue} from '../lib/operations/instances/tags.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(tagValue);
