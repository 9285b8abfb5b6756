import type {LookupFunction} from 'node:net';
import type {Config} from '../config/keys.ts';
import {checkBackend, checkClocks, refuseGrave} from '../coordination/backend-checks.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {reelect} from '../coordination/lease.ts';
import {startLeadership, type Leadership} from '../coordination/leadership.ts';
import {checkNodeHealth, startNodeHealth, type NodeHealth, type Registration} from '../coordination/nodes.ts';
import {defaultTiming, type Timing} from '../coordination/timing.ts';
import type {NodeId} from '../coordination/types.ts';
import {messageOf, OrchestratorError} from '../errors/errors.ts';
import type {Backend} from '../store/backend.ts';
import {recoveriesDisabled} from '../store/recovery/kill-switch.ts';
import {placeInstances} from '../store/instances.ts';
import {openBackend} from '../store/open.ts';
import {audit} from '../operations/audit-trail.ts';
import type {Measures} from '../operations/service/measures.ts';
import type {Environment} from '../execute/environment.ts';
import {parseInstanceKey} from '../model/instance-key.ts';
import type {Milliseconds} from '../model/units.ts';
import {choresOf} from './chores.ts';
import {every} from './every.ts';
import {LockWatch} from './lock-watch.ts';
import type {DetectionHooks} from './register.ts';
import {Remains, type Outage} from './remains.ts';
import {superviseBySystemd} from './systemd.ts';
import {startTerm, type Term} from './term.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly backend: Backend;
  readonly me: NodeId;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly timing?: Timing;
  /** Probe, analyse and recover when leading; false: neither leads nor tries to. */
  readonly discovery: boolean;
  readonly grabElection: boolean;
  resolve(host: string): Promise<string>;
  /** Finds addresses for connections; default: the system. */
  readonly lookup?: LookupFunction;
  /** Writes the addresses of a host, for those who look for sources, to the backend; asks anew now and then. */
  noteAddresses?(host: string): Promise<unknown>;
  /** A server reached as `host` calls itself otherwise. */
  learn(host: string, itself: string): Promise<void>;
  /** Begins to answer HTTP; null = this service does not. */
  readonly startHttp: ((service: RunningService) => Promise<{readonly address: string; close(): Promise<void>}>) | null;
  /** Aborted = time to end. */
  readonly signal: AbortSignal;
  readonly fault?: Environment['fault'];
  readonly measures?: Measures;
  /** Called once, before HTTP is answered; what it gives is closed at the end. */
  readonly attend?: (service: RunningService) => {close(): Promise<void>};
}

/** What the HTTP interface asks of a running service. */
export interface RunningService {
  isLeader(): boolean;
  /** How long it may go on leading without renewing its lease; 0 when it does not lead. */
  leaseRemaining(): Milliseconds;
  health(): Promise<NodeHealth & {readonly isLeader: boolean}>;
  /** Null while this node can write to the backend. */
  outage(): Outage | null;
  grabElection(): Promise<void>;
  reelect(): Promise<void>;
}

/** Lease and heartbeats have connections of their own, with a second for everything (coordination.md §1). */
const HASTE = {pool: 1, queryTimeout: 1000, connectTimeout: 1000};
const WATCH_LOCKS_EACH: Milliseconds = 500;
/** How long an answer about health is good for. */
const HEALTH_FOR_MS = 1000;

/**
 * Runs one node of the service until it is told to stop: election, health, HTTP, and while it leads all that a leader does. What
 * was started is ended in the reverse order, also when the rest cannot be started: a node that does not run must hold no lease.
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const ends: End[] = [];
  try {
    await start(options, (end) => void ends.push(end));
    await aborted(options.signal);
  } finally {
    for (const end of ends.reverse()) await endOne(end, options.log);
  }
}

type End = () => Promise<unknown>;

async function endOne(end: End, log: Log): Promise<void> {
  try {
    await end();
  } catch (error) {
    log('warn', `ending: ${messageOf(error)}`);
  }
}

/** Starts everything, and stands for election last, when this node can be asked. `atEnd` is told how each thing is ended. */
async function start(options: ServiceOptions, atEnd: (end: End) => void): Promise<void> {
  const {config, backend, log, me} = options;
  await reportBackend(backend, log);
  const leaseBackend = await openBackend(config, HASTE);
  atEnd(() => leaseBackend.close());
  const heartbeats = await openBackend(config, {...HASTE, pool: 4});
  atEnd(() => heartbeats.close());
  atEnd(watchClocks(options));
  const supervision = superviseBySystemd({env: options.env, alive: () => true, onProblem: (sentence) => log('warn', sentence)});
  atEnd(() => Promise.resolve(supervision.close()));
  const registration: Registration = {me, mode: 'HttpMode', command: '', version: options.version};
  const health = await startNodeHealth(heartbeats, registration, log);
  atEnd(() => health.stop());
  let leading: Leading | null = null;
  const leadership = (): Leadership | null => leading?.leadership ?? null;
  const remains = new Remains(config);
  atEnd(() => remains.close());
  const outage = (): Outage | null => remains.outage(health.failingSince());
  const service = serviceOf({...options, backend: heartbeats}, registration, {leadership, outage});
  const attended = options.attend?.(service);
  if (attended) atEnd(() => attended.close());
  const http = options.startHttp ? await options.startHttp(service) : null;
  if (http) {
    atEnd(() => http.close());
    log('info', `listening on ${http.address}`);
  }
  if (options.discovery) {
    const {leadership: election, stop} = (leading = lead(options, {leaseBackend, heartbeats}));
    atEnd(stop);
    if (options.grabElection) await election.grab();
  }
  await supervision.ready(`node ${me.hostname} runs`);
  atEnd(() => {
    log('info', 'stopping');
    return supervision.stopping();
  });
}

/** Compares the clocks of the backend's nodes meanwhile, and says what is wrong with them. @returns what ends it */
function watchClocks({backend, log}: ServiceOptions): End {
  const over = new AbortController();
  const watching = checkClocks(backend, over.signal).then(
    (remarks) => remarks.forEach(({sentence, hint}) => log('warn', `${sentence} ${hint}`)),
    (error: unknown) => {
      if (!over.signal.aborted) log('warn', `clocks of the backend's nodes could not be compared: ${messageOf(error)}`);
    },
  );
  return () => {
    over.abort();
    return watching;
  };
}

interface Leading {
  readonly leadership: Leadership;
  stop(): Promise<void>;
}

/** Follows the election; a term begins when we are elected and ends when we are deposed. */
function lead(options: ServiceOptions, backends: {leaseBackend: Backend; heartbeats: Backend}): Leading {
  const {backend, me, log, timing = defaultTiming} = options;
  let term: Term | null = null;
  /** What former terms have not brought to its end. */
  const remaining = new Set<Promise<void>>();
  const lockWatch = new LockWatch(backend, timing);
  const detectionHooks: DetectionHooks = new Map();
  // A node without a term looks at locks too, so that it knows which stand still when it is elected. The election tells of a backend that is gone.
  const watching = every(async () => void (term ? undefined : await lockWatch.look()), {
    period: WATCH_LOCKS_EACH,
    onError: () => undefined,
  });
  const end = (): void => {
    if (!term) return;
    const ending: Promise<void> = term
      .stop()
      .catch((error: unknown) => log('error', `ending a term: ${messageOf(error)}`))
      .finally(() => remaining.delete(ending));
    remaining.add(ending);
    term = null;
  };
  const leadership = startLeadership({
    backend: backends.leaseBackend,
    me,
    timing,
    log,
    onElected(lease) {
      log('info', `elected leader of term ${lease.term}`);
      const isCurrent = (): boolean => leadership.current()?.term === lease.term;
      // Recoveries of a former term go on by their locks: this one finds them alive, and neither waits for them nor resumes them.
      term = startTerm({
        ...options,
        heartbeats: backends.heartbeats,
        timing,
        lease: () => (isCurrent() ? leadership.current() : null),
        audit: (entry) => audit(trailOf(options), entry),
        recoveriesEnabled: async () => !(await recoveriesDisabled(backend)),
        chores: choresOf({...options, leads: isCurrent, audit: (entry) => audit(trailOf(options), entry)}),
        lockWatch,
        detectionHooks,
      });
      void plantSeeds(options).catch((error: unknown) => log('error', `DiscoverySeeds: ${messageOf(error)}`));
    },
    onDeposed(reason) {
      log('warn', `no longer leader: ${reason}`);
      end();
    },
  });
  return {
    leadership,
    async stop() {
      // The lease first: another node leads while what is under way here goes on by its lock.
      end();
      await leadership.stop({release: true});
      await watching.stop();
      if (remaining.size > 0) log('info', 'leadership is given back; what is under way goes on to its end');
      await Promise.all(remaining);
    },
  };
}

/** What the audit needs, from a service that has it all at hand. */
function trailOf({config, backend, log}: ServiceOptions): Parameters<typeof audit>[0] {
  return {config: () => Promise.resolve(config), backend: () => Promise.resolve(backend), warn: (sentence) => log('warn', sentence)};
}

async function plantSeeds({backend, config}: ServiceOptions): Promise<void> {
  const seeds = config.DiscoverySeeds.map((text) => parseInstanceKey(text, config.DefaultInstancePort));
  if (seeds.length > 0) await placeInstances(backend, seeds);
}

function serviceOf(
  {backend, timing = defaultTiming}: ServiceOptions,
  registration: Registration,
  {leadership, outage}: {readonly leadership: () => Leadership | null; readonly outage: () => Outage | null},
): RunningService {
  const isLeader = (): boolean => (leadership()?.current() ?? null) !== null;
  let asked: {readonly at: number; readonly answer: Promise<NodeHealth>} | null = null;
  return {
    isLeader,
    leaseRemaining: () => Math.max(0, (leadership()?.current()?.validUntil ?? 0) - performance.now()),
    async health() {
      if (!asked || performance.now() - asked.at > HEALTH_FOR_MS)
        asked = {at: performance.now(), answer: checkNodeHealth(backend, registration)};
      return {...(await asked.answer), isLeader: isLeader()};
    },
    async grabElection() {
      const election = leadership();
      if (election === null)
        throw new OrchestratorError('NOT_SUPPORTED', 'this node runs with --discovery=false: it does not stand for election');
      await election.grab();
    },
    outage,
    reelect: () => reelect(backend, timing),
  };
}

async function reportBackend(backend: Backend, log: Log): Promise<void> {
  const remarks = await checkBackend(backend);
  for (const {sentence, hint} of remarks) log('warn', `${sentence} ${hint}`);
  refuseGrave(remarks);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), {once: true});
  });
}
