import {getClusterHeuristicLag} from '../lib/operations/information/cluster-tools.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(getClusterHeuristicLag);
