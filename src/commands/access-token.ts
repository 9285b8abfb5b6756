import {accessToken} from '../lib/operations/access/tokens.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(accessToken);
