import type {Config, KeyName} from './lib/config/keys.ts';
import type {Reloaded} from './lib/config/reload.ts';
import {scrubber} from './lib/config/secrets.ts';
import type {Log} from './lib/coordination/keep-renewing.ts';
import {runService, type RunningService} from './lib/daemon/serve.ts';
import {actFault} from './lib/execute/journal/fault.ts';
import {discoverByHand, recoverByHand, type HandOptions} from './lib/execute/by-hand.ts';
import {
  errantTransactions,
  killQueryAt,
  lastExecutedRelayEntry,
  locateErrant,
  restartStatements,
  waitForPosition,
} from './lib/execute/instance/ask.ts';
import {correlateBinlog, correlateRelayLog, findBinlogEntry, lastPseudoGtid} from './lib/execute/pseudo-gtid/ask.ts';
import {changeInstance} from './lib/execute/instance/change.ts';
import {relocateByHand} from './lib/execute/relocation/relocate.ts';
import {reprovision} from './lib/execute/reprovision/reprovision.ts';
import {takeOverByHand} from './lib/execute/takeover/take-over.ts';
import {abortByHand, resumeByHand, unlockByHand} from './lib/execute/plans-by-hand.ts';
import {AddressBook} from './lib/names/address-book.ts';
import type {HostNames} from './lib/names/host-names.ts';
import {measured} from './measured-backend.ts';
import {reload} from './reload.ts';
import {Memory} from './lib/operations/memory.ts';
import {Measures} from './lib/operations/service/measures.ts';
import {Metrics} from './lib/operations/service/metrics/metrics.ts';
import type {Gatherer} from './lib/operations/service/metrics/gather.ts';
import {audit} from './lib/operations/audit-trail.ts';
import type {Ports, ServeOptions} from './lib/operations/context.ts';
import type {OnInstance} from './lib/operations/replication/on-instance.ts';
import type {Backend} from './lib/store/backend.ts';
import {openBackend} from './lib/store/open.ts';

/** What the heavier ports work with. This module is loaded when one of them is called, not before. */
export interface Wiring {
  readonly config: Config;
  readonly backend: Backend;
  readonly names: HostNames;
  readonly ports: Ports;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  /** What the command line says of virtual names. */
  readonly unresolving: NonNullable<HandOptions['unresolving']>;
}

/** The ports that need servers or a service. */
export type Wired = Pick<
  Ports,
  'discover' | 'recover' | 'relocate' | 'takeOver' | 'resumeRecovery' | 'abortRecovery' | 'onInstance' | 'unlock' | 'serve'
>;

/** Heartbeats of a lock never queue behind anything, and have a second for everything. */
const HASTE = {pool: 1, queryTimeout: 1000, connectTimeout: 1000};

export function wire(given: Wiring): Wired {
  // One object for all, so that a service which reads its configuration again changes it for all at once.
  const config = {...given.config};
  const ports = {...given.ports, config: () => Promise.resolve(config)};
  const {lookup} = new AddressBook();
  const wiring = {...given, config, ports, lookup, log: scrubbed(given.log, config)};
  const {names} = wiring;
  const byHand: HandOptions = {
    ...wiring,
    heartbeats: () => openBackend(wiring.config, HASTE),
    me: wiring.ports.node,
    resolve: (host) => names.resolve(host),
    learn: (host, itself) => names.learn(host, itself),
    audit: (entry) => audit({...wiring.ports, warn: (sentence) => wiring.log('warn', sentence)}, entry),
  };
  const fault = actFault(wiring.env);
  return {
    discover: (request) => discoverByHand(byHand, request),
    recover: (request) => recoverByHand(byHand, {...request, wait: (request.wait ?? 0) * 1000}),
    relocate: (request) => relocateByHand({...byHand, ...(fault ? {fault} : {})}, request),
    takeOver: (request) => takeOverByHand({...byHand, ...(fault ? {fault} : {})}, request),
    resumeRecovery: (uid) => resumeByHand(byHand, uid),
    abortRecovery: (request) => abortByHand(byHand, request),
    onInstance: () => Promise.resolve(onInstance({...byHand, ...(fault ? {fault} : {})})),
    unlock: (request) => unlockByHand(byHand, request),
    serve: (options) => serve(wiring, options),
  };
}

function onInstance(options: HandOptions): OnInstance {
  return {
    change: (wish) => changeInstance(options, wish),
    errantTransactions: (key) => errantTransactions(options, key),
    locateErrant: (key) => locateErrant(options, key),
    restartStatements: (key, between) => restartStatements(options, key, between),
    lastExecutedRelayEntry: (key) => lastExecutedRelayEntry(options, key),
    lastPseudoGtid: (key) => lastPseudoGtid(options, key),
    findBinlogEntry: (key, text) => findBinlogEntry(options, key, text),
    correlateBinlog: (key, wish) => correlateBinlog(options, key, wish),
    correlateRelayLog: (key, wish) => correlateRelayLog(options, key, wish),
    waitForPosition: (key, wish) => waitForPosition(options, key, wish),
    reprovision: (request) => reprovision(options, request),
    killQuery: (key, wish) => killQueryAt(options, key, wish),
  };
}

/** Runs the service until SIGTERM or SIGINT. */
async function serve(wiring: Wiring & Pick<HandOptions, 'lookup'>, options: ServeOptions): Promise<void> {
  const {names, env, log, lookup} = wiring;
  const {config} = wiring;
  if (options.recover) Object.assign(config, {RecoverMasterClusterFilters: options.recover});
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once('SIGTERM', end).once('SIGINT', end);
  const fixed = new Set<KeyName>(options.recover ? ['RecoverMasterClusterFilters'] : []);
  const readAgain = (by: string): Promise<Reloaded> => reload({live: config, fixed, ports, log}, by);
  // What is wrong with it is in the log by then.
  process.on('SIGHUP', () => void readAgain('SIGHUP').catch(() => undefined));
  await names.load();
  const fault = actFault(env);
  const {startTelemetry} = await import('./telemetry.ts');
  const metrics = new Metrics();
  const measures = measuresOf(config, metrics);
  const [backend, ports] = withMeasures(wiring, measures);
  let gatherer: Gatherer | undefined;
  await runService({
    config,
    backend,
    measures,
    me: ports.node,
    version: ports.build.version,
    env,
    log,
    discovery: options.discovery,
    grabElection: options.grabElection,
    resolve: (host) => names.resolve(host),
    learn: (host, itself) => names.learn(host, itself),
    ...(lookup ? {lookup} : {}),
    noteAddresses: (host) => names.addresses(host),
    attend(service) {
      const telemetry = startTelemetry({config, ports, metrics, log}, service);
      gatherer = telemetry.gatherer;
      return telemetry;
    },
    startHttp: options.http
      ? (service) => startHttp({...wiring, ports, measures, reload: readAgain, ...(gatherer && {gatherer})}, service)
      : null,
    signal: ending.signal,
    ...(fault ? {fault} : {}),
  });
}

function measuresOf(config: Config, metrics: Metrics): Measures {
  const {DiscoveryCollectionRetentionSeconds: retention, DiscoveryQueueMaxStatisticsSize: samples, InstancePollSeconds: poll} = config;
  return new Measures({retention, samples, metrics, poll});
}

/** The backend and the ports of a service, which measures what it asks of the backend, and remembers lists of everything. */
function withMeasures({backend, ports}: Wiring, measures: Measures): readonly [Backend, Ports] {
  const known = measured(backend, measures);
  const memory = new Memory();
  return [known, {...ports, memory, backend: () => Promise.resolve(known)}];
}

async function startHttp(
  {
    config,
    ports,
    log,
    reload: readAgain,
    ...counted
  }: Wiring & {
    readonly measures: Measures;
    readonly reload: (by: string) => Promise<Reloaded>;
    readonly gatherer?: Gatherer;
  },
  service: RunningService,
): Promise<{address: string; close(): Promise<void>}> {
  const [{createHttp}, {listen}, {ALL}] = await Promise.all([
    import('./lib/surfaces/http/server.ts'),
    import('./lib/surfaces/http/listen.ts'),
    import('./lib/operations/registry.ts'),
  ]);
  const app = await createHttp({
    config,
    ports,
    service,
    operations: ALL,
    measures: counted.measures,
    reload: readAgain,
    ...(counted.gatherer && {gatherer: counted.gatherer}),
    log,
  });
  const address = await listen(app, config);
  return {address, close: () => app.close()};
}

/** No secret of the configuration reaches the log, whoever put it into a sentence. */
function scrubbed(log: Log, config: Config): Log {
  const scrub = scrubber(config);
  return (level, sentence) => log(level, scrub(sentence));
}
