import {OrchestratorError} from '../../errors/errors.ts';
import {parseBinlogs, parseEvents} from '../../flavor/commands/common.ts';
import {killQuery, positionReached, type LogEvent} from '../../flavor/commands/words.ts';
import {flavorOf} from '../../flavor/flavors.ts';
import type {Statement} from '../../flavor/flavor.ts';
import {textOf} from '../../flavor/rows.ts';
import {showSession} from '../../flavor/sessions.ts';
import {coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {isMariadb, type Instance} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds, Seconds} from '../../model/units.ts';
import {filesWith, historyBefore, type LogFile} from '../../plan/instance/logs.ts';
import {restartStatements as planRestartStatements} from '../../plan/instance/received.ts';
import type {Session} from '../../servers/servers.ts';
import {readInstances} from '../../store/instances.ts';
import {atWork, type Bench, type HandOptions} from '../by-hand.ts';
import {waitFor} from '../steps/wait.ts';
import {lastExecuted} from './relay-log.ts';
import {errantOf, seeAbove, seeInstance} from './see.ts';

/** One wait on the server, so that a lost connection is noticed. */
const SLICE: Seconds = 1;
const SLICE_TIMEOUT: Milliseconds = 5000;
/** How long a query may take to notice that it was killed. */
const ENDS_WITHIN: Milliseconds = 3000;
/** The event that tells what came before stands among the first. */
const HEAD = 4;

/** Errant transactions of a replica against its source, both read now. */
export interface ErrantSeen {
  readonly instance: Instance;
  /** In the server's notation: a GTID set, or for MariaDB the last of each domain and server; '' = none. */
  readonly errant: string;
  readonly source: Instance | null;
}

/**
 * Transactions that an instance has and its source has not.
 *
 * @throws OrchestratorError SERVER_UNREACHABLE and the like, also about its source: then it is not known
 */
export function errantTransactions(options: HandOptions, key: InstanceKey): Promise<ErrantSeen> {
  return asking(options, (bench) => seeErrant(bench, key));
}

async function seeErrant(bench: Bench, key: InstanceKey): Promise<ErrantSeen> {
  const instance = await seeInstance(bench, key);
  const above = await seeAbove(bench, instance);
  const errant = errantOf(instance, above);
  if (errant !== null) return {instance, errant, source: above[0] ?? null};
  const source = instance.replication?.source;
  if (source) throw bench.prober.failureOf(source);
  throw new OrchestratorError('REFUSED', `${keyText(instance.key)} is detached from its source, so it is not known what is errant`);
}

/**
 * The binary logs of an instance in which its errant transactions stand, oldest first.
 *
 * @throws OrchestratorError NOT_FOUND when it has none; as `errantTransactions`
 */
export function locateErrant(options: HandOptions, key: InstanceKey): Promise<readonly string[]> {
  return asking(options, async (bench) => {
    const {instance, errant, source} = await seeErrant(bench, key);
    if (errant === '') throw new OrchestratorError('NOT_FOUND', `${keyText(instance.key)} has no errant transactions`);
    const files = await withSession(bench, instance.key, (session) => binlogHeads(session, instance));
    const mariadb = isMariadb(instance);
    return filesWith(errant, files, {
      now: mariadb ? instance.gtid.binlogState : instance.gtid.executed,
      source: source?.gtid.binlogState ?? '',
      mariadb,
    });
  });
}

async function binlogHeads(session: Session, instance: Instance): Promise<readonly LogFile[]> {
  const {commands} = flavorOf(instance);
  const files: LogFile[] = [];
  for (const name of parseBinlogs(await session.query(commands.showBinlogs))) {
    const before = historyBefore(parseEvents(await session.query(commands.showBinlogEvents({file: name, limit: HEAD}))));
    if (before === null) {
      throw new OrchestratorError('NOT_SUPPORTED', `binary log ${name} of ${keyText(instance.key)} does not say what came before it`, {
        hint: 'it was written before GTIDs were switched on',
      });
    }
    files.push({name, before});
  }
  return files;
}

/** Statements that restart replication as it runs now, with another in between; nothing is done. */
export function restartStatements(options: HandOptions, key: InstanceKey, between: string | null): Promise<readonly string[]> {
  return asking(options, async (bench) => {
    const instance = await seeInstance(bench, key);
    const statements = planRestartStatements(flavorOf(instance), instance, between);
    if (statements) return statements;
    throw new OrchestratorError('REFUSED', `${keyText(instance.key)} is not a replica`);
  });
}

/** The last event of its relay log that a replica has applied. */
export function lastExecutedRelayEntry(options: HandOptions, key: InstanceKey): Promise<LogEvent> {
  return asking(options, async (bench) => {
    const instance = await seeInstance(bench, key);
    const flavor = flavorOf(instance);
    return withSession(bench, instance.key, (session) => {
      const say = (statement: Statement) => session.query(statement);
      const replication = async () => flavor.parseReplicaStatus(await say(flavor.showReplicaStatus)).replication;
      return lastExecuted({key: instance.key, flavor, say, replication});
    });
  });
}

/**
 * Waits until a replica has applied up to a position in the log of its source.
 *
 * @param within null = for as long as it takes
 * @throws OrchestratorError REPLICATION_BROKEN when its applier does not run; DEADLINE_PASSED
 */
export function waitForPosition(
  options: HandOptions,
  key: InstanceKey,
  {at, within}: {readonly at: BinlogCoordinates; readonly within: Seconds | null},
): Promise<Instance> {
  return asking(options, async (bench) => {
    const instance = await seeInstance(bench, key);
    if (!instance.replication) throw new OrchestratorError('REFUSED', `${keyText(instance.key)} is not a replica`);
    const until = within === null ? Number.POSITIVE_INFINITY : performance.now() + within * 1000;
    await withSession(bench, instance.key, (session) => waitThere(session, instance, {at, until}));
    return seeInstance(bench, instance.key);
  });
}

async function waitThere(
  session: Session,
  instance: Instance,
  {at, until}: {readonly at: BinlogCoordinates; readonly until: number},
): Promise<void> {
  const {commands} = flavorOf(instance);
  for (;;) {
    const left = (until - performance.now()) / 1000;
    const rows = await session.query(commands.waitForPosition(at, Math.min(SLICE, left)), {timeout: SLICE_TIMEOUT});
    const reached = positionReached(rows);
    if (reached === true) return;
    if (reached === null) {
      throw new OrchestratorError(
        'REPLICATION_BROKEN',
        `the applier of ${keyText(instance.key)} does not run, so it cannot reach ${coordinatesText(at)}`,
        {
          hint: 'start replication there',
        },
      );
    }
    if (performance.now() >= until) {
      throw new OrchestratorError('DEADLINE_PASSED', `${keyText(instance.key)} has not reached ${coordinatesText(at)} in time`);
    }
  }
}

/**
 * Ends what a session of a server runs, and sees it ended.
 *
 * @throws OrchestratorError NOT_FOUND; REFUSED for replication and the server's own; OUTCOME_UNKNOWN when it goes on for now
 */
export function killQueryAt(
  options: HandOptions,
  key: InstanceKey,
  wish: {readonly session: number; readonly by: string},
): Promise<Instance> {
  return asking(options, async (bench) => {
    const instance = await seeInstance(bench, key);
    await withSession(bench, instance.key, (session) => killThere(session, instance, wish.session));
    const {cluster} = instance;
    await options.audit({
      type: 'kill-query',
      key: instance.key,
      cluster: cluster.name,
      message: `of session ${wish.session}, by ${wish.by}`,
    });
    return instance;
  });
}

interface RunningQuery {
  readonly user: string;
  readonly command: string;
  readonly info: string;
}

async function killThere(session: Session, {key}: Instance, id: number): Promise<void> {
  const running = async (): Promise<RunningQuery | null> => {
    const [row] = await session.query(showSession(id));
    return row ? {user: textOf(row['user']), command: textOf(row['command']), info: textOf(row['info'])} : null;
  };
  const before = await running();
  if (!before) throw new OrchestratorError('NOT_FOUND', `${keyText(key)} has no session ${id}`, {hint: 'see its process list'});
  if (before.user === 'system user' || before.user === 'event_scheduler' || before.command.startsWith('Binlog Dump')) {
    throw new OrchestratorError('REFUSED', `session ${id} of ${keyText(key)} is not a client's: it is ${before.command} of ${before.user}`);
  }
  if (before.command === 'Sleep') throw new OrchestratorError('REFUSED', `session ${id} of ${keyText(key)} runs nothing`);
  await session.query(killQuery(id));
  const ended = await waitFor(
    async () => {
      const now = await running();
      return now === null || now.command === 'Sleep' || now.info !== before.info ? true : null;
    },
    {within: ENDS_WITHIN, every: 20},
  );
  if (ended) return;
  throw new OrchestratorError('OUTCOME_UNKNOWN', `session ${id} of ${keyText(key)} was told to end its query, and has not yet`, {
    hint: 'it may have to undo what it did; look at its process list',
  });
}

function asking<Result>(options: HandOptions, work: (bench: Bench) => Promise<Result>): Promise<Result> {
  return atWork(options, async (bench) => {
    bench.prober.model.begin(await readInstances(options.backend, options.config));
    return work(bench);
  });
}

async function withSession<Result>({servers}: Bench, key: InstanceKey, work: (session: Session) => Promise<Result>): Promise<Result> {
  const session = await servers.connect(key);
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}
