import {topologyTags} from '../lib/operations/clusters.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(topologyTags);
