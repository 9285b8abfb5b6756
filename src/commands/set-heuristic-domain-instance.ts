import {setHeuristicDomainInstance} from '../lib/operations/information/domains.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(setHeuristicDomainInstance);
