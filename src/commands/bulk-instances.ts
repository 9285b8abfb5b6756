import {bulkInstances} from '../lib/operations/instances/bulk.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(bulkInstances);
