import {OrchestratorError} from '../../errors/errors.ts';
import {coordinatesText, type BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import type {TakeoverAnswer} from '../../execute/takeover/take-over.ts';
import type {ForceCommand} from '../../execute/recover.ts';
import type {TakeoverCommand, TakeoverPlan, TakeoverRefusal} from '../../plan/takeover/plan.ts';
import {takeoverStepText} from '../../plan/takeover/steps.ts';
import {readRecoveries, type Recovery} from '../../store/recovery/recoveries.ts';
import {cluster, destination} from '../addressing.ts';
import type {Context} from '../context.ts';
import {define, type LegacyRoute} from '../define.ts';
import {dryRun, flag, optionalDuration} from '../fields.ts';
import {target} from '../relocation/ask.ts';
import {recoveryLines, wellDone, type RecoveredWell} from './recovery.ts';

const SECTION = 'Recovery';

/** Fields all ways of taking over share. */
const COMMON = {
  cluster: cluster('the cluster'),
  noop: dryRun(),
  allowDataLoss: flag('allow-data-loss', 'accept a successor with errant transactions'),
  wait: optionalDuration({
    name: 'wait',
    value: '30s',
    about: 'queue for so long when another operation is changing the cluster; without it fail at once',
  }),
};
const DESIGNATED = destination('who is to be the source; without it the best candidate, or the only replica there is');
const KILL = flag(
  'kill-writers',
  'end sessions on the source whose transaction or statement has lasted longer than TakeoverTransactionLimitSeconds, instead of refusing',
);

interface Given {
  readonly cluster: string;
  readonly designated: InstanceKey | null;
  readonly noop: boolean;
  readonly allowDataLoss: boolean;
  readonly killWriters: boolean;
  readonly wait: number | null;
}

/** What is left when refusals and failures have been thrown: a source handed over, or one that did not answer was replaced. */
type Done = TakenOver | Replaced;

interface TakenOver {
  readonly noop: boolean;
  readonly plan: TakeoverPlan;
  readonly uid: string;
  readonly successor: InstanceKey;
  readonly coordinates: BinlogCoordinates | null;
  readonly lost: readonly InstanceKey[];
  readonly problems: readonly string[];
  /** As it is in the books; null where nothing was done. */
  readonly recovery: Recovery | null;
}

/** Of a source that did not answer. */
interface Replaced {
  readonly replaced: RecoveredWell;
  readonly successor: InstanceKey;
  readonly recovery: Recovery | null;
}

/** One that answers hands over; one that does not is replaced as if it were dead, since a person says so. */
async function force(context: Context, command: ForceCommand, given: Given): Promise<Done> {
  const {noop, wait, cluster: name, designated, killWriters, allowDataLoss} = given;
  const wish = {command, cluster: name, designated, killWriters, allowDataLoss};
  const answer = await context.takeOver({wish, noop, wait: (wait ?? 0) * 1000});
  const unreachable = answer.outcome === 'refused' ? answer.why.unreachable : undefined;
  if (!unreachable) return settled(context, command, {name, answer});
  const request = {instance: unreachable, candidate: designated, skipHooks: false, allowDataLoss, noop, wait, force: command};
  const replaced = wellDone(unreachable, await context.recover({...request, caller: context.caller}));
  if (replaced.outcome === 'planned') return {replaced, successor: replaced.plan.successor, recovery: null};
  if (replaced.lost.length > 0) context.warn(`lost replicas: ${replaced.lost.map(keyText).join(', ')}`);
  const [recovery = null] = await readRecoveries(await context.backend(), {uid: replaced.uid});
  return {replaced, successor: replaced.successor, recovery};
}

async function takeOver(context: Context, command: TakeoverCommand, given: Given): Promise<TakenOver> {
  const {noop, wait, cluster: name, ...wish} = given;
  const answer = await context.takeOver({wish: {...wish, command, cluster: name}, noop, wait: (wait ?? 0) * 1000});
  return settled(context, command, {name, answer});
}

async function settled(
  context: Context,
  command: TakeoverCommand,
  {name, answer}: {readonly name: string; readonly answer: TakeoverAnswer},
): Promise<TakenOver> {
  if (answer.outcome === 'refused') throw refusal(command, name, answer.why);
  const {plan} = answer;
  if (answer.outcome === 'planned') {
    return {noop: true, plan, uid: '', successor: plan.successor, coordinates: null, lost: plan.lost, problems: [], recovery: null};
  }
  if (answer.outcome === 'failed') throw failure(command, answer);
  for (const remark of plan.remarks) context.warn(remark);
  for (const problem of answer.problems) context.warn(problem);
  if (answer.lost.length > 0) context.warn(`left behind: ${answer.lost.map(keyText).join(', ')}`);
  const [recovery = null] = await readRecoveries(await context.backend(), {uid: answer.uid});
  return {...answer, noop: false, recovery};
}

function refusal(command: string, name: string, {code, because, hint}: TakeoverRefusal): OrchestratorError {
  const sentence = `${command} of ${name} was refused (${code}): ${because}`;
  return new OrchestratorError(code === 'no-source' ? 'NOT_FOUND' : 'REFUSED', sentence, hint === undefined ? {} : {hint});
}

function failure(command: string, {uid, because, remarks}: {uid: string; because: string; remarks: readonly string[]}): OrchestratorError {
  return new OrchestratorError('RECOVERY_FAILED', [`${command} failed and was taken back: ${because}`, ...remarks].join('; '), {
    hint: `orchestrator audit-recovery-steps ${uid} shows how far it came`,
  });
}

/** The successor, and where its binary log stood when it was opened: those who read on from there need both. */
function lines(done: TakenOver): readonly string[] {
  return done.noop ? planLines(done.plan) : [keyText(done.successor), ...(done.coordinates ? [coordinatesText(done.coordinates)] : [])];
}

function forcedLines(done: Done): readonly string[] {
  if ('replaced' in done) return recoveryLines(done.replaced);
  return done.noop ? planLines(done.plan) : [keyText(done.successor)];
}

function planLines({successor, failed, steps, remarks, candidates, estimate}: TakeoverPlan): readonly string[] {
  return [
    `would make ${keyText(successor)} the source in place of ${keyText(failed)}`,
    ...steps.map(({step, stage}) => `stage ${stage}: ${takeoverStepText(step)}`),
    ...candidates.map(({key, verdict}) => `${keyText(key)}: ${verdict}`),
    ...remarks,
    `about ${estimate} s, for a small part of which writes wait`,
  ];
}

function json({noop, plan, uid, successor, coordinates, lost, problems}: TakenOver): unknown {
  return {
    noop,
    command: plan.command,
    cluster: plan.cluster,
    uid: uid === '' ? null : uid,
    demoted: plan.failed,
    successor,
    coordinates: coordinates ? coordinatesText(coordinates) : null,
    lost,
    problems,
    steps: plan.steps.map(({step, stage}) => ({stage, ...step, text: takeoverStepText(step)})),
    candidates: plan.candidates,
    remarks: plan.remarks,
    estimateSeconds: plan.estimate,
  };
}

const EXITS = {
  1: 'attempted, and everything was taken back as far as that was possible',
  3: 'the cluster has no source',
  4: 'refused: nothing was changed',
  7: 'another operation is changing the cluster',
} as const;

function forcedJson(done: Done): unknown {
  return 'replaced' in done ? done.replaced : json(done);
}

function routes(
  name: TakeoverCommand,
  message: string,
  designated: 'may' | 'must' | 'no' = 'may',
): readonly LegacyRoute<Pick<TakenOver, 'recovery'>>[] {
  const reply: LegacyRoute<Pick<TakenOver, 'recovery'>>['reply'] = {
    shape: 'recovery',
    from: ({recovery}) => recovery,
    message: () => message,
  };
  const paths = [`${name}/:host/:port`, `${name}/:clusterHint`];
  const named = paths.map((path) => `${path}/:designatedHost/:designatedPort`);
  return [
    ...(designated === 'must' ? [] : paths.map((path) => ({path, reply}))),
    ...(designated === 'no' ? [] : named.map((path) => ({path, reply, params: {designated: 'destination'}}))),
  ];
}

export const gracefulMasterTakeover = define({
  name: 'graceful-master-takeover',
  section: SECTION,
  formerly: [],
  about: 'Let a replica take the place of a source that works; the old source is left stopped below it',
  details:
    'Checks beforehand whatever could go wrong and refuses then, with nothing changed. Then closes the source for writes, waits until the successor has applied all of it, opens the successor, and points all others at it. On any failure before the successor is open everything is taken back. Prints the successor, and where its binary log stood when it was opened.',
  examples: ['graceful-master-takeover -a shop -d db2', 'graceful-master-takeover -i db1 --dry-run'],
  input: {...COMMON, designated: DESIGNATED, killWriters: KILL},
  changes: 'servers',
  run: (context, given) => takeOver(context, 'graceful-master-takeover', given),
  print: lines,
  json,
  legacy: {http: routes('graceful-master-takeover', 'graceful-master-takeover: successor promoted')},
  exits: EXITS,
});

export const gracefulMasterTakeoverAuto = define({
  name: 'graceful-master-takeover-auto',
  section: SECTION,
  formerly: [],
  about: 'Let the best replica, or one that is named, take the place of a source that works; the old source replicates from it',
  details:
    'Does what graceful-master-takeover does, chooses the successor where none is named, and starts the old source as a replica: for that it must be known what it can replicate with (ReplicationCredentialsQuery, or the table of a server).',
  examples: ['graceful-master-takeover-auto -a shop', 'graceful-master-takeover-auto -i db1 -d db2 --kill-writers'],
  input: {...COMMON, designated: DESIGNATED, killWriters: KILL},
  changes: 'servers',
  run: (context, given) => takeOver(context, 'graceful-master-takeover-auto', given),
  print: lines,
  json,
  legacy: {http: routes('graceful-master-takeover-auto', 'graceful-master-takeover-auto: successor promoted')},
  exits: EXITS,
});

export const forceMasterFailover = define({
  name: 'force-master-failover',
  section: SECTION,
  formerly: [],
  about: 'Replace the source of a cluster by its best replica, whether it has failed or not',
  details:
    'A source that answers is closed, and its successor has all of it before it is opened; lag and long transactions hold nothing back. One that does not answer is replaced as if it were dead, whatever its replicas say of it: make sure that nobody writes to it. The old source is left closed, where it can be reached, and downtimed.',
  examples: ['force-master-failover -a shop'],
  input: {...COMMON},
  changes: 'servers',
  run: (context, given) => force(context, 'force-master-failover', {...given, designated: null, killWriters: true}),
  print: forcedLines,
  json: forcedJson,
  legacy: {http: routes('force-master-failover', 'Master failed over', 'no')},
  exits: EXITS,
});

export const forceMasterTakeover = define({
  name: 'force-master-takeover',
  section: SECTION,
  formerly: [],
  about: 'Replace the source of a cluster by a replica of it that is named, whether it has failed or not',
  details: 'As force-master-failover, with the successor named.',
  examples: ['force-master-takeover -a shop -d db2'],
  input: {...COMMON, designated: target('who is to be the source')},
  changes: 'servers',
  run: (context, given) => force(context, 'force-master-takeover', {...given, killWriters: true}),
  print: forcedLines,
  json: forcedJson,
  legacy: {http: routes('force-master-takeover', 'Master taken over', 'must')},
  exits: EXITS,
});
