import {bulkPromotionRules} from '../lib/operations/instances/bulk.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(bulkPromotionRules);
