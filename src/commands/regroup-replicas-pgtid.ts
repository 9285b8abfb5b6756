import {regroupReplicasPgtid} from '../lib/operations/relocation/regroup.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(regroupReplicasPgtid);
