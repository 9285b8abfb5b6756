import {auditFailureDetection} from '../lib/operations/audit.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(auditFailureDetection);
