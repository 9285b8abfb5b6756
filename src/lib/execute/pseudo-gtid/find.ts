import type {Config} from '../../config/keys.ts';
import {isCode, OrchestratorError} from '../../errors/errors.ts';
import {keepsOrder} from '../../flavor/commands/words.ts';
import {compareCoordinates} from '../../model/binlog-coordinates.ts';
import type {Instance, Replication} from '../../model/instance.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {Milliseconds} from '../../model/units.ts';
import {correlate, type Correlation} from '../../plan/pseudo-gtid/correlate.ts';
import type {Log} from '../../plan/pseudo-gtid/log.ts';
import {marksOf, type Marks} from '../../plan/pseudo-gtid/marks.ts';
import type {FormerCoordinates} from '../../store/coordinates-history.ts';
import type {Asker} from '../instance/relay-log.ts';
import {logEnd} from '../steps/log-end.ts';
import {waitFor} from '../steps/wait.ts';
import {binlogsOf, Effort, relayLogsOf, type Reading} from './logs.ts';

/** A server whose logs are read. */
export interface Side {
  readonly asker: Asker;
  readonly instance: Instance;
}

/** The part of the configuration that comparing logs reads. */
export type MatchPolicy = Pick<
  Config,
  | 'PseudoGTIDPattern'
  | 'PseudoGTIDPatternIsFixedSubstring'
  | 'PseudoGTIDMonotonicHint'
  | 'SkipBinlogEventsContaining'
  | 'BinlogEventsChunkSize'
>;

/** How often events may be asked for in one search: with chunks of the usual size, some ten million events. */
const MOST_READS = 1000;
/** Reading may take so long. */
const READ_WITHIN: Milliseconds = 60_000;
/** Between two looks at a server that has yet to get what is sought. */
const LOOK_EACH: Milliseconds = 250;

/** @throws OrchestratorError REFUSED where no pattern is configured, or none that is one */
export function mustHaveMarks(policy: MatchPolicy): Marks {
  const marks = marksOf(policy);
  if (marks) return marks;
  throw new OrchestratorError('REFUSED', 'Pseudo-GTID is not in use: PseudoGTIDPattern is empty', {
    hint: 'AutoPseudoGTID switches it on',
  });
}

export function readingOf(policy: MatchPolicy, within: Milliseconds = READ_WITHIN): Reading {
  return {chunk: policy.BinlogEventsChunkSize, effort: new Effort(performance.now() + within, MOST_READS)};
}

export interface Search {
  readonly policy: MatchPolicy;
  /** For the target to get what it lacks so far. */
  readonly patience: Milliseconds;
  /** Where the logs of an instance ended some minutes ago: entries of since then are found fast. */
  former(key: InstanceKey): Promise<FormerCoordinates | null>;
}

/**
 * Finds the place in the binary logs of another server where a replica would go on. The replica must be stopped, and have applied
 * all it will. By its own binary logs where it has them; by its relay logs where it has none, or where they are of no use.
 *
 * @returns where, or the last reason why not
 * @throws OrchestratorError REPLICATION_BROKEN when reading takes too long, or an applier commits in another order than its source
 */
export async function findPlace(mover: Side, target: Side, {policy, patience, former}: Search): Promise<Correlation> {
  const marks = mustHaveMarks(policy);
  if (!(await commitsInOrder(target))) throw outOfOrder(target);
  const [own, its] = [await former(mover.asker.key), await former(target.asker.key)];
  const search = async (): Promise<Correlation> => {
    const reading = readingOf(policy);
    const reasons: Correlation[] = [];
    for (const {log, kind} of await logsOf(mover, target, reading)) {
      const other = binlogsOf(target.asker, reading, null);
      const comparing = {marks, leaveOut: policy.SkipBinlogEventsContaining};
      const found = await correlateSince(log, other, {...comparing, since: {own: own?.[kind] ?? null, other: its?.binlog ?? null}});
      if (found.found) return found;
      reasons.push(found);
    }
    return reasons.find(mayChange) ?? reasons[0] ?? noLog(mover);
  };
  return settled(search, {target, patience});
}

/** What was noted of a log means nothing any more once it was reset: then the server says so, or it is not found. */
async function correlateSince(own: Log, other: Log, comparing: Parameters<typeof correlate>[2]): Promise<Correlation> {
  try {
    return await correlate(own, other, comparing);
  } catch (error) {
    const guessed = comparing.since.own !== null || comparing.since.other !== null;
    if (!guessed || !isCode(error, 'SERVER_STATEMENT_FAILED')) throw error;
    return correlate(own, other, {...comparing, since: {own: null, other: null}});
  }
}

function noLog({asker}: Side): Correlation {
  return {found: false, why: 'no-mark', because: `${keyText(asker.key)} has no log that could be compared`};
}

/** The other log may have more in a moment. */
function mayChange(one: Correlation): boolean {
  return !one.found && (one.why === 'unknown-mark' || one.why === 'ends-first');
}

interface OwnLog {
  readonly log: Log;
  readonly kind: keyof FormerCoordinates;
}

/** What a replica has applied, best source of it first. */
async function logsOf(mover: Side, target: Side, reading: Reading): Promise<readonly OwnLog[]> {
  const {binlog} = mover.instance;
  const now = await mover.asker.replication();
  const comparable = binlog.enabled && binlog.logsReplicaUpdates && binlog.format === target.instance.binlog.format;
  const own = comparable && (await commitsInOrder(mover)) ? [binlogsOf(mover.asker, reading, await logEnd(mover.asker))] : [];
  const relay = now?.relay ? [relayLogsOf(mover.asker, reading, now.relay)] : [];
  return [...own.map((log) => ({log, kind: 'binlog'}) as const), ...relay.map((log) => ({log, kind: 'relay'}) as const)];
}

/** Events of most transactions look alike, so that a comparison would not notice that two of them have changed places. */
async function commitsInOrder({asker, instance}: Side): Promise<boolean> {
  const statement = asker.flavor.commands.showApplierOrder;
  return instance.replication === null || statement === null || keepsOrder(await asker.say(statement));
}

function outOfOrder({instance}: Side): OrchestratorError {
  return new OrchestratorError(
    'REPLICATION_BROKEN',
    `${keyText(instance.key)} applies in parallel without keeping the order of its source, so that its logs cannot be compared`,
    {hint: 'switch replica_preserve_commit_order on, or let it apply with one worker'},
  );
}

/** A target that still gets more may have tomorrow's what it lacks now. */
async function settled(
  search: () => Promise<Correlation>,
  {target, patience}: {readonly target: Side; readonly patience: Milliseconds},
): Promise<Correlation> {
  let last: Correlation | null = null;
  const answer = await waitFor(
    async () => {
      // Asked first: what it gets between the two questions is then seen by the search.
      const progresses = mayGetMore(await target.asker.replication());
      last = await search();
      return mayChange(last) && progresses ? null : last;
    },
    {within: patience, every: LOOK_EACH},
  );
  return answer ?? (last as unknown as Correlation);
}

function mayGetMore(now: Replication | null): boolean {
  if (now?.applier.state !== 'running') return false;
  const unapplied = !!now.read && !!now.executed && compareCoordinates(now.executed, now.read) < 0;
  return unapplied || now.receiver.state === 'running';
}
