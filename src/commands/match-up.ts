import {matchUp} from '../lib/operations/relocation/match.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(matchUp);
