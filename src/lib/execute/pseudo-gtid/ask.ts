import {OrchestratorError} from '../../errors/errors.ts';
import type {LogEvent} from '../../flavor/commands/words.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import type {Statement} from '../../flavor/flavor.ts';
import {compareCoordinates, coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import type {Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {comparableOf} from '../../plan/pseudo-gtid/comparable.ts';
import {correlate, lastMark, type Mark} from '../../plan/pseudo-gtid/correlate.ts';
import {FILE_START, type Log} from '../../plan/pseudo-gtid/log.ts';
import {readInstances} from '../../store/instances.ts';
import {atWork, type Bench, type HandOptions} from '../by-hand.ts';
import {seeInstance} from '../instance/see.ts';
import {logEnd} from '../steps/log-end.ts';
import {mustHaveMarks, readingOf, type Side} from './find.ts';
import {binlogsOf, relayLogsOf} from './logs.ts';

/**
 * The last Pseudo-GTID entry of an instance: of its binary logs where they have what it replicates, else of what it has applied of
 * its relay logs.
 *
 * @throws OrchestratorError NOT_FOUND when there is none; REFUSED where Pseudo-GTID is not in use
 */
export function lastPseudoGtid(options: HandOptions, key: InstanceKey): Promise<Mark> {
  return asking(options, [key], async ([side]) => {
    const marks = mustHaveMarks(options.config);
    for (const log of logsOf(side, options)) {
      const found = await lastMark(log, marks, null);
      if (found) return found;
    }
    throw new OrchestratorError('NOT_FOUND', `the logs of ${keyText(key)} have no Pseudo-GTID entry`, {
      hint: 'see PseudoGTIDPattern; with AutoPseudoGTID the leader writes one to each writable source every 5 s',
    });
  });
}

function logsOf({asker, instance}: Side, {config}: HandOptions): readonly Log[] {
  const {binlog, replication} = instance;
  const reading = readingOf(config);
  const binlogs = binlog.enabled && (binlog.logsReplicaUpdates || !replication) ? [binlogsOf(asker, reading, null)] : [];
  return [...binlogs, ...(replication?.relay ? [relayLogsOf(asker, reading, replication.relay)] : [])];
}

/**
 * Where in the binary logs of an instance an event of exactly this text begins; the last one, if there are several.
 *
 * @throws OrchestratorError NOT_FOUND
 */
export function findBinlogEntry(options: HandOptions, key: InstanceKey, text: string): Promise<BinlogCoordinates> {
  return asking(options, [key], async ([side]) => {
    const log = binlogsOf(side.asker, readingOf(options.config), null);
    const found = await lastEvent(log, ({info}) => info === text || comparableOf({...EVENT, info}, []) === text);
    if (found) return found.at;
    throw new OrchestratorError('NOT_FOUND', `the binary logs of ${keyText(key)} have no event of this text: ${text}`);
  });
}

const EVENT: LogEvent = {at: {file: '', position: 0}, nextPosition: 0, type: 'Query', info: ''};

/** Newest file first. */
async function lastEvent(log: Log, isIt: (event: LogEvent) => boolean): Promise<LogEvent | null> {
  for (const file of (await log.files()).toReversed()) {
    let last: LogEvent | null = null;
    for await (const event of log.events({file, position: FILE_START})) {
      if (log.end !== null && compareCoordinates(event.at, log.end) >= 0) break;
      if (isIt(event)) last = event;
    }
    if (last) return last;
  }
  return null;
}

/**
 * The place in the binary logs of another instance that is the same as one in those of an instance, by Pseudo-GTID.
 *
 * @param wish at: null = where they end now
 * @throws OrchestratorError NOT_FOUND with the reason
 */
export function correlateBinlog(
  options: HandOptions,
  key: InstanceKey,
  wish: {readonly at: BinlogCoordinates | null; readonly other: InstanceKey},
): Promise<BinlogCoordinates> {
  return asking(options, [key, wish.other], async ([own, other]) => {
    const {config} = options;
    const reading = readingOf(config);
    const end = wish.at ?? (await logEnd(own.asker));
    const found = await correlate(binlogsOf(own.asker, reading, end), binlogsOf(other.asker, reading, null), {
      marks: mustHaveMarks(config),
      leaveOut: config.SkipBinlogEventsContaining,
      since: {own: null, other: null},
    });
    if (found.found) return found.at;
    throw new OrchestratorError(
      'NOT_FOUND',
      `nothing in ${keyText(wish.other)} is the same as ${coordinatesText(end)} of ${keyText(key)}: ${found.because}`,
    );
  });
}

/** Three places in relay logs. */
export interface RelayPlaces {
  /** The event that was looked for. */
  readonly own: BinlogCoordinates;
  /** The same event in the relay logs of the other. */
  readonly other: BinlogCoordinates;
  /** What comes after it there. */
  readonly next: BinlogCoordinates;
}

/**
 * The same event in the relay logs of two replicas of one source: the last that the first has applied, or the last before a place.
 *
 * @throws OrchestratorError NOT_FOUND; REFUSED for what is no replica
 */
export function correlateRelayLog(
  options: HandOptions,
  key: InstanceKey,
  wish: {readonly at: BinlogCoordinates | null; readonly other: InstanceKey},
): Promise<RelayPlaces> {
  return asking(options, [key, wish.other], async ([own, other]) => {
    const reading = readingOf(options.config);
    const leaveOut = options.config.SkipBinlogEventsContaining;
    const isReplicated = (event: LogEvent): boolean => event.nextPosition > 0 && comparableOf(event, leaveOut) !== null;
    const entry = await lastEvent(relayLogsOf(own.asker, reading, wish.at ?? relayOf(own)), isReplicated);
    if (!entry) throw new OrchestratorError('NOT_FOUND', `the relay logs of ${keyText(key)} hold no event that was applied`);
    const wanted = comparableOf(entry, leaveOut);
    const isIt = (event: LogEvent): boolean => event.nextPosition === entry.nextPosition && comparableOf(event, leaveOut) === wanted;
    const there = await withNext(relayLogsOf(other.asker, reading, relayOf(other)), isIt, relayOf(other));
    if (there) return {own: entry.at, ...there};
    throw new OrchestratorError(
      'NOT_FOUND',
      `what ${keyText(wish.other)} has applied of its relay logs does not hold the event at ${coordinatesText(entry.at)} of ${keyText(key)}`,
      {hint: 'both have to replicate from the same source, and servers remove relay logs once they are applied'},
    );
  });
}

async function withNext(
  log: Log,
  isIt: (event: LogEvent) => boolean,
  end: BinlogCoordinates,
): Promise<Pick<RelayPlaces, 'other' | 'next'> | null> {
  let found: Pick<RelayPlaces, 'other' | 'next'> | null = null;
  let previous: LogEvent | null = null;
  for (const file of await log.files()) {
    for await (const event of log.events({file, position: FILE_START})) {
      if (previous && isIt(previous)) found = {other: previous.at, next: event.at};
      previous = compareCoordinates(event.at, end) < 0 ? event : null;
    }
  }
  return previous && isIt(previous) ? {other: previous.at, next: end} : found;
}

function relayOf({instance}: Side): BinlogCoordinates {
  if (instance.replication?.relay) return instance.replication.relay;
  throw new OrchestratorError('REFUSED', `${keyText(instance.key)} is not a replica with a relay log`);
}

type Sides<Keys extends readonly InstanceKey[]> = {readonly [At in keyof Keys]: Side};

/** Opens a connection to each, and asks nothing but questions. */
function asking<const Keys extends readonly InstanceKey[], Result>(
  options: HandOptions,
  keys: Keys,
  work: (sides: Sides<Keys>) => Promise<Result>,
): Promise<Result> {
  return atWork(options, async (bench) => {
    bench.prober.model.begin(await readInstances(options.backend, options.config));
    const open: {destroy(): void}[] = [];
    try {
      const sides: Side[] = [];
      for (const key of keys) sides.push(await sideOf(bench, await seeInstance(bench, key), open));
      return await work(sides as unknown as Sides<Keys>);
    } finally {
      for (const session of open) session.destroy();
    }
  });
}

async function sideOf({servers}: Bench, instance: Instance, open: {destroy(): void}[]): Promise<Side> {
  const session = await servers.connect(instance.key);
  open.push(session);
  const flavor = flavorOf(instance);
  const say = (statement: Statement) => session.query(statement);
  const replication = async () => flavor.parseReplicaStatus(await say(flavor.showReplicaStatus)).replication;
  return {asker: {key: instance.key, flavor, say, replication}, instance};
}
