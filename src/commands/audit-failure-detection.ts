import {auditFailureDetection} from '../lib/operations/recovery/audit.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(auditFailureDetection);
