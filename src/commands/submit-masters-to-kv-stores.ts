import {submitSourcesToKeyValueStores} from '../lib/operations/information/published.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(submitSourcesToKeyValueStores);
