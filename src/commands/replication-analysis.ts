import {replicationAnalysis} from '../lib/operations/recovery/analysis.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(replicationAnalysis);
