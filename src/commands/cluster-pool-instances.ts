import {clusterPoolInstances} from '../lib/operations/pools/pools.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(clusterPoolInstances);
