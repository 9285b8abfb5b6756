import {showResolveHosts} from '../lib/operations/names/names.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(showResolveHosts);
