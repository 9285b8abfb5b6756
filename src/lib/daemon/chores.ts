import type {Config} from '../config/keys.ts';
import {forgetOutlived} from '../coordination/lock/sessions.ts';
import {forgetAbsentNodes} from '../coordination/nodes.ts';
import type {Milliseconds} from '../model/units.ts';
import {AUDITED_CHORES} from '../store/audit-types.ts';
import type {AuditEntry} from '../store/audit.ts';
import type {Backend} from '../store/backend.ts';
import {noteAllCoordinates} from '../store/coordinates-history.ts';
import {hostsThatAnswer} from '../store/hostname.ts';
import {keepEachMinute, keepEachPoll, keepEachSecond, type Tally} from '../store/housekeeping.ts';

/** A piece of periodic work of the leader beside probing. */
export interface Chore {
  readonly what: string;
  readonly period: Milliseconds;
  /**
   * `probes`: it decides by what was probed last, and begins when all that was known at the start of the term was probed in it. What
   * stands there before may be from before a failover, or from before nobody led for days.
   */
  readonly restsOn: 'probes' | 'nothing probed';
  run(): Promise<void>;
}

export interface ChoreOptions {
  readonly backend: Backend;
  readonly config: Config;
  audit(entry: AuditEntry): Promise<void>;
  /** Asked before each task: a round of them may take longer than a lease. */
  leads(): boolean;
  /** Writes the addresses of a host to the backend; remembers them, so that it may be asked at any time. */
  noteAddresses?(host: string): Promise<unknown>;
}

const SECOND: Milliseconds = 1000;
const MINUTE: Milliseconds = 60 * SECOND;

/** What runs out, what was forgotten, names that follow from others; what the predecessor audited is audited here too. */
export function choresOf({backend, config, audit, leads, noteAddresses}: ChoreOptions): readonly Chore[] {
  const audited = async (tally: Tally): Promise<void> => {
    for (const [type, count] of Object.entries(tally)) {
      if (AUDITED_CHORES.has(type)) await audit({type, message: `${count} rows`});
    }
  };
  return [
    {
      what: 'what runs out each second',
      period: SECOND,
      restsOn: 'nothing probed',
      run: async () => audited(await keepEachSecond(backend, config, leads)),
    },
    {
      what: 'aliases and downtimes',
      period: config.InstancePollSeconds * SECOND,
      restsOn: 'probes',
      run: async () => audited(await keepEachPoll(backend, leads)),
    },
    {what: 'what ages', period: MINUTE, restsOn: 'probes', run: async () => audited(await keepEachMinute(backend, config, leads))},
    ...(config.PseudoGTIDPattern === ''
      ? []
      : [{what: 'where logs end', period: MINUTE, restsOn: 'probes', run: () => noteAllCoordinates(backend)} as const]),
    ...(noteAddresses
      ? [
          {
            what: 'addresses of hosts',
            period: config.InstancePollSeconds * SECOND,
            restsOn: 'nothing probed',
            run: () => inTurn(() => hostsThatAnswer(backend), {leads, act: noteAddresses}),
          } as const,
        ]
      : []),
    {what: 'forgetting absent nodes', period: MINUTE, restsOn: 'nothing probed', run: () => forgetAbsentNodes(backend)},
    {
      what: 'forgetting sessions on forgotten servers',
      period: MINUTE,
      restsOn: 'nothing probed',
      run: async () => void (await forgetOutlived(backend)),
    },
  ];
}

/** One host after the other: a name server that is silent is kept waiting for by one of them at a time, and by nothing else. */
async function inTurn(
  hosts: () => Promise<readonly string[]>,
  {leads, act}: {readonly leads: () => boolean; readonly act: (host: string) => Promise<unknown>},
): Promise<void> {
  for (const host of await hosts()) {
    if (!leads()) return;
    await act(host);
  }
}
