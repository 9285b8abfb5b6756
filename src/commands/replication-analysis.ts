import {replicationAnalysis} from '../lib/operations/analysis.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(replicationAnalysis);
