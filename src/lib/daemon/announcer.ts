import type {Analysis} from '../analysis/analyze.ts';
import {openFindings, standsIn, topologyChanges, type OpenFinding, type Stands} from '../analysis/changes.ts';
import {touchLease} from '../coordination/lease.ts';
import type {Lease} from '../coordination/types.ts';
import {keyText, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Seconds} from '../model/units.ts';
import type {Backend} from '../store/backend.ts';
import {
  appendEvents,
  EVENTS_AT_ONCE,
  readEvents,
  readOpenFindings,
  recentSteps,
  eventRange,
  type NewEvent,
  type ToldStep,
} from '../store/events.ts';

/** Steps of recoveries that nobody announced are announced if they are not older than this. */
const STEPS_WITHIN: Seconds = 300;
/** Announcements that a new leader looks through for what was announced before it led. */
const LOOK_BACK = 5000;

export interface AnnouncerOptions {
  readonly backend: Backend;
  lease(): Lease | null;
  topology(): Topology;
  /** Probed in this term. */
  isFresh(key: InstanceKey): boolean;
}

/** What was announced, in this term or before it. */
interface Told {
  readonly open: ReadonlyMap<string, Pick<OpenFinding, 'key' | 'cluster' | 'code'>>;
  readonly stands: Stands;
  readonly steps: ReadonlySet<number>;
  readonly leader: boolean;
}

/**
 * Writes down what happens, for `/api/events` of every node: the leader alone does so, within a second. What a topology did
 * while nobody led is not told: the news of a new leader is the sign to read everything again.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  #told: Told | null = null;
  /** What counts as told and is not written yet: each transaction writes some. */
  #waiting: readonly NewEvent[] = [];
  #analyses: readonly Analysis[] | null = null;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** What analysis says now. */
  note(analyses: readonly Analysis[]): void {
    this.#analyses = analyses;
  }

  /** Announces what is new since the last round. */
  async round(): Promise<void> {
    const lease = this.#options.lease();
    if (!lease || !(await this.#write(lease))) return;
    await this.#gather(lease);
    await this.#write(lease);
  }

  /** What is new since it was gathered last waits to be written. */
  async #gather(lease: Lease): Promise<void> {
    const {backend} = this.#options;
    const told = (this.#told ??= await this.#recall());
    const steps = await recentSteps(backend, STEPS_WITHIN);
    const stands = standsIn(this.#options.topology());
    const findings = this.#analyses === null ? null : openFindings(this.#analyses);
    const events = [
      ...(told.leader ? [] : [leaderEvent(lease)]),
      ...topologyChanges(told.stands, stands).map(topologyEvent),
      ...(findings ? this.#findingEvents(told.open, {findings, stands}) : []),
      ...steps.filter(({id}) => !told.steps.has(id)).map(stepEvent),
    ];
    this.#waiting = events;
    this.#told = {stands, leader: true, steps: new Set(steps.map(({id}) => id)), open: openAfter(told.open, events)};
  }

  /** @returns false when leadership was lost before all of it was written */
  async #write(lease: Lease): Promise<boolean> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, EVENTS_AT_ONCE);
      if (!(await this.#options.backend.transaction(async (work) => fencedAppend(work, lease, some)))) return false;
      this.#waiting = this.#waiting.slice(EVENTS_AT_ONCE);
    }
    return true;
  }

  /** Of an instance that was not probed in this term nothing is known that is newer than what was announced. */
  #findingEvents(open: Told['open'], now: {findings: ReadonlyMap<string, OpenFinding>; stands: Stands}): readonly NewEvent[] {
    const {isFresh} = this.#options;
    const closed = [...open].filter(([subject, {key}]) => !now.findings.has(subject) && (isFresh(key) || !now.stands.has(keyText(key))));
    const opened = [...now.findings].filter(([subject, {key}]) => !open.has(subject) && isFresh(key));
    return [
      ...closed.map(([subject, {key, cluster, code}]): NewEvent => ({kind: 'finding-closed', cluster, key, subject, body: {code}})),
      ...opened.map(([subject, {key, cluster, code, because}]): NewEvent => {
        return {kind: 'finding-opened', cluster, key, subject, body: {code, because}};
      }),
    ];
  }

  async #recall(): Promise<Told> {
    const {backend, topology} = this.#options;
    const [open, {latest}] = [await readOpenFindings(backend), await eventRange(backend)];
    const lately = await readEvents(backend, {after: latest - LOOK_BACK, limit: LOOK_BACK});
    return {
      leader: false,
      stands: standsIn(topology()),
      steps: new Set(lately.filter(({kind}) => kind === 'recovery-step').map(({body}) => Number(body['step']))),
      open: new Map(
        [...open].flatMap(([subject, {key, cluster, body}]) => (key ? [[subject, {key, cluster, code: String(body['code'])}]] : [])),
      ),
    };
  }
}

async function fencedAppend(work: Parameters<typeof appendEvents>[0], lease: Lease, events: readonly NewEvent[]): Promise<boolean> {
  if (!(await touchLease(work, lease))) return false;
  await appendEvents(work, events);
  return true;
}

function openAfter(before: Told['open'], events: readonly NewEvent[]): Told['open'] {
  const after = new Map(before);
  for (const {kind, subject, key, cluster, body} of events) {
    if (kind === 'finding-closed') after.delete(subject);
    if (kind === 'finding-opened' && key) after.set(subject, {key, cluster, code: String(body['code'])});
  }
  return after;
}

function leaderEvent({hostname, term}: Lease): NewEvent {
  return {kind: 'leader-changed', cluster: '', key: null, subject: '', body: {leader: hostname, term}};
}

function topologyEvent({key, cluster, ...body}: ReturnType<typeof topologyChanges>[number]): NewEvent {
  return {kind: 'topology-changed', cluster, key, subject: '', body};
}

function stepEvent({id, uid, message, cluster, key}: ToldStep): NewEvent {
  return {kind: 'recovery-step', cluster, key, subject: '', body: {uid, step: id, message}};
}
