import {keyText} from '../../model/instance-key.ts';
import {eventRange, readEvents, type StoredEvent} from '../../store/events.ts';
import type {Ports} from '../context.ts';
import {define} from '../define.ts';
import {integer} from '../fields.ts';

/** An event as it is told, on the command line and over HTTP alike. */
export interface Told {
  readonly id: number;
  readonly at: string;
  readonly kind: string;
  readonly cluster: string;
  readonly instance: StoredEvent['key'];
  /** Depends on the kind; see docs/events.md. */
  readonly [detail: string]: unknown;
}

/** As many are told at once. */
const MOST = 500;

export const events = define({
  name: 'events',
  section: 'Service',
  formerly: [],
  about: 'What happened of late: changes of topologies, findings, steps of recoveries, changes of the leader',
  details:
    'Written by the leader, kept for a day. Prints the last 500, or those after --after, oldest first. Over HTTP /api/events sends them as they happen.',
  examples: ['events', 'events --after 1200 --json'],
  input: {after: integer({name: 'after', value: 'NUMBER', about: 'only events after this one'}, {least: 0, absent: null})},
  changes: 'nothing',
  async run(context, {after}): Promise<readonly Told[]> {
    const from = after ?? (await newest(context)).latest - MOST;
    return eventsAfter(context, from);
  },
  print: (all) => all.map((one) => cells(one).join('\t')),
  table: (all) => ({head: ['number', 'at', 'kind', 'cluster', 'instance', ''], rows: all.map(cells)}),
});

/** Events after a number, oldest first, as many as are told at once. */
export async function eventsAfter(context: Pick<Ports, 'backend'>, after: number): Promise<readonly Told[]> {
  const found = await readEvents(await context.backend(), {after, limit: MOST});
  return found.map(({id, at, kind, cluster, key, body}) => ({id, at, kind, cluster, instance: key, ...body}));
}

/** The numbers of the last event, and of the last that is not kept any more. */
export async function newest(context: Pick<Ports, 'backend'>): Promise<{readonly purged: number; readonly latest: number}> {
  return eventRange(await context.backend());
}

function cells({id, at, kind, cluster, instance, ...details}: Told): readonly string[] {
  const said = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`);
  return [String(id), at, kind, cluster, instance ? keyText(instance) : '', said.join(' ').replaceAll(/\s/g, ' ')];
}
