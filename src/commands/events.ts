import {events} from '../lib/operations/service/events.ts';
import {commandFor} from '../lib/surfaces/cli/command.ts';

export default commandFor(events);
