import {snapshotTopologies} from '../lib/operations/information/snapshots.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(snapshotTopologies);
