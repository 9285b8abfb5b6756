import {topologyTabulated} from '../lib/operations/information/clusters.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(topologyTabulated);
