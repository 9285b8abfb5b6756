import {makeCoMaster} from '../lib/operations/relocation/one.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(makeCoMaster);
