import {replicationAnalysisChangelog} from '../lib/operations/information/lists.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(replicationAnalysisChangelog);
