import {instanceType} from '../../analysis/analyze.ts';
import {OrchestratorError} from '../../errors/errors.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import {Topology} from '../../model/topology.ts';
import {explain, type Explanation} from '../../plan/explain.ts';
import type {Candidate, Decision, RecoveryPlan} from '../../plan/plan.ts';
import {planText} from '../../plan/text.ts';
import {readPlan, readPlanSteps, type PlanRecord, type StepRecord} from '../../store/recovery/plans.ts';
import {readRecoveries, readRecoverySteps, type Recovery, type RecoveryStep} from '../../store/recovery/recoveries.ts';
import {readRefusals, type StandingRefusal} from '../../store/recovery/refusals.ts';
import type {Context} from '../context.ts';
import {allInstances} from '../reads.ts';
import {commonStanding, standingOf} from './standing.ts';

/** An explanation, for people and for programs. */
export interface Explained {
  readonly lines: readonly string[];
  readonly json: unknown;
}

/** @throws OrchestratorError NOT_FOUND */
export async function explainInstance(context: Context, key: InstanceKey): Promise<Explained> {
  const [topology, config, backend] = [new Topology(await allInstances(context)), await context.config(), await context.backend()];
  const instance = topology.get(key);
  const known = instance && {topology, common: await commonStanding(context)};
  const found = known && explain(topology, key, {config, standing: await standingOf(context, instance, known)});
  if (!found)
    throw new OrchestratorError('NOT_FOUND', `${keyText(key)} is not known`, {
      hint: `orchestrator discover ${keyText(key)} makes it known`,
    });
  const [refusal = null] = await readRefusals(backend, key);
  return {lines: linesOf(found, refusal), json: jsonOf(found, refusal)};
}

/** Of each instance what stands in the way of its recovery, and who would be promoted: a line an item. */
export async function shortForms(
  context: Context,
  topology: Topology,
  keys: readonly InstanceKey[],
): Promise<readonly (readonly string[])[]> {
  if (keys.length === 0) return [];
  const [config, common, refusals] = [await context.config(), await commonStanding(context), await readRefusals(await context.backend())];
  const forms: (readonly string[])[] = [];
  for (const key of keys) {
    const instance = topology.get(key);
    const found = instance && explain(topology, key, {config, standing: await standingOf(context, instance, {topology, common})});
    forms.push(found ? shortForm(found, refusals.find((one) => sameKey(one.key, key)) ?? null) : []);
  }
  return forms;
}

function shortForm({checks, decision, supposed}: Explanation, refusal: StandingRefusal | null): readonly string[] {
  const said = refusal ? [refusalText(refusal)] : [];
  if (decision === null || supposed) return said;
  return [...checks.filter(({holdsBack}) => holdsBack).map(({says}) => `held back: ${says}`), decisionText(decision), ...said];
}

function linesOf(found: Explanation, refusal: StandingRefusal | null): readonly string[] {
  const {analysis, seen, checks, decision, supposed} = found;
  const {instance} = analysis;
  const alias = instance.cluster.suggestedAlias;
  return [
    `${keyText(instance.key)}, ${instanceType(analysis.facts)} in cluster ${instance.cluster.name}${alias === '' ? '' : ` (${alias})`}`,
    ...section(
      'Seen',
      seen.map(({key, says}) => `${keyText(key)} ${says}`),
    ),
    ...section('Found', foundLines(found)),
    ...section('Rules that do not apply', ruleLines(found)),
    ...(decision === null ? section('Recovery', ['there is nothing to recover']) : recoveryLines({checks, decision, supposed})),
    ...section('The leader said', refusal ? [refusalText(refusal)] : ['no refusal of its stands']),
  ];
}

function foundLines({analysis, rule, rules, leftOut}: Explanation): readonly string[] {
  const {code, because, structure, facts, recovery} = analysis;
  const {agrees, abstains, contradicts, unreachable} = facts.evidence;
  const counts = `${facts.replicas} replicas, of which ${facts.reachableReplicas} can be reached, ${facts.replicating} replicate and ${facts.lagging} lag`;
  return [
    rule === null ? `${code}: none of ${rules} rules applies` : `${code}: ${because} (rule ${rule} of ${rules}; calls for: ${recovery})`,
    `it ${facts.reachable ? 'can be reached' : facts.answers ? 'refuses us with an answer of its own' : 'cannot be reached and does not answer'}; ${counts}`,
    ...(facts.reachable ? [] : [...agrees, ...abstains, ...contradicts, ...unreachable].map((voice) => `${voice.says}: ${voice.because}`)),
    ...structure.map((one) => `structure: ${one}`),
    ...(leftOut === null ? [] : [`replication-analysis leaves it out: ${leftOut}`]),
  ];
}

/** Rules that fail for one reason on one line: they are many, and the reasons few. */
function ruleLines({tried}: Explanation): readonly string[] {
  const failed = tried.filter((one) => one.unmet !== null);
  const reasons = Map.groupBy(failed, (one) => one.unmet);
  return [...reasons].map(([why, rules]) => `${why}: ${rules.map(({rule, code}) => `${code} (${rule})`).join(', ')}`);
}

function recoveryLines({checks, decision, supposed}: Pick<Explanation, 'checks' | 'supposed'> & {decision: Decision}): readonly string[] {
  const {candidates} = decision.act ? decision.plan : decision.why;
  return [
    ...section(supposed ? 'If it failed now' : 'Recovery', [
      ...checks.map(({holdsBack, says}) => `${holdsBack ? 'no: ' : 'ok: '}${says}`),
      decisionText(decision),
    ]),
    ...(candidates.length > 0 ? section('Candidates', candidates.map(candidateText)) : []),
    ...(decision.act && decision.plan.remarks.length > 0
      ? section(supposed ? 'Remarks, were it so' : 'Remarks', decision.plan.remarks)
      : []),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return [`${title}:`, ...lines.map((line) => `  ${line}`)];
}

function decisionText(decision: Decision): string {
  return decision.act ? `plan: ${planText(decision.plan)}` : `refused (${decision.why.code}): ${decision.why.because}`;
}

function candidateText({key, chosen, verdict}: Candidate): string {
  return `${chosen ? '*' : '-'} ${keyText(key)}: ${verdict}`;
}

function refusalText({code, because, by, term, at}: StandingRefusal): string {
  return `${by}, leader of term ${term}, refused at ${at} (${code}): ${because}`;
}

function jsonOf(found: Explanation, refusal: StandingRefusal | null): unknown {
  const {analysis, rule, rules, tried, seen, leftOut, checks, decision, supposed} = found;
  const {instance, code, because, structure, recovery, facts} = analysis;
  return {
    instance: instance.key,
    cluster: instance.cluster.name,
    alias: instance.cluster.suggestedAlias,
    seen,
    finding: {code, because, structure, recovery, rule, rules, tried, leftOut},
    facts: {
      reachable: facts.reachable,
      answers: facts.answers,
      replicas: facts.replicas,
      reachableReplicas: facts.reachableReplicas,
      replicating: facts.replicating,
      lagging: facts.lagging,
      evidence: facts.evidence,
    },
    checks,
    supposed,
    decision: decisionJson(decision),
    refusal,
  };
}

function decisionJson(decision: Decision | null): unknown {
  if (decision === null) return null;
  if (!decision.act) return {act: false, ...decision.why};
  const {kind, code, successor, candidates, lost, remarks} = decision.plan;
  return {act: true, kind, code, successor, candidates, lost, remarks};
}

/** @throws OrchestratorError NOT_FOUND */
export async function explainRecovery(context: Context, uid: string): Promise<Explained> {
  const backend = await context.backend();
  const [[recovery = null], plan, said] = [
    await readRecoveries(backend, {uid}),
    await readPlan(backend, uid),
    await readRecoverySteps(backend, uid),
  ];
  if (recovery === null && plan === null)
    throw new OrchestratorError('NOT_FOUND', `there is no recovery ${uid}`, {hint: '`orchestrator audit-recovery` lists them'});
  const steps = plan === null ? [] : await backend.run((work) => readPlanSteps(work, uid));
  const story = {recovery, plan, steps, said};
  return {lines: storyLines(uid, story), json: {uid, ...story}};
}

interface Story {
  readonly recovery: Recovery | null;
  readonly plan: PlanRecord | null;
  readonly steps: readonly StepRecord[];
  readonly said: readonly RecoveryStep[];
}

function storyLines(uid: string, {recovery, plan, steps, said}: Story): readonly string[] {
  const decided = plan === null ? null : planOf(plan.document);
  return [
    recovery === null ? `${uid}: ${plan?.state ?? 'unknown'}, no recovery is registered under it` : recoveryText(recovery),
    ...(recovery && recovery.errors.length > 0 ? section('Errors', recovery.errors) : []),
    ...(decided === null ? [] : section('Decided', decidedLines(decided))),
    ...(decided?.candidates?.length ? section('Candidates', decided.candidates.map(candidateText)) : []),
    ...(plan === null ? [] : section(`Plan, ${plan.state}${plan.outcome === '' ? '' : ` (${plan.outcome})`}`, steps.map(stepLine))),
    ...section(
      'Steps',
      said.map(({at, message}) => `${at} ${message}`),
    ),
  ];
}

function recoveryText(recovery: Recovery): string {
  const {uid, key, code, cluster, startedAt, endedAt, processor, successor, isSuccessful, acknowledged} = recovery;
  const ended =
    endedAt === null
      ? 'under way'
      : isSuccessful && successor
        ? `${keyText(successor)} was promoted, ended ${endedAt}`
        : `nothing was promoted, ended ${endedAt}`;
  const seen = acknowledged === null ? 'not acknowledged' : `acknowledged by ${acknowledged.by}: ${acknowledged.comment}`;
  return `${uid}: ${code} of ${keyText(key)} in cluster ${cluster}, by ${processor.hostname}, began ${startedAt}; ${ended}; ${seen}`;
}

/** Of a journaled document, as far as it is a recovery's; a relocation's has no candidates. */
interface Decided {
  readonly kind: string;
  readonly failed?: InstanceKey;
  readonly successor?: InstanceKey;
  readonly candidates?: readonly Candidate[];
  readonly remarks?: readonly string[];
}

function planOf(document: unknown): Decided | null {
  return typeof document === 'object' && document !== null && 'plan' in document ? (document.plan as Decided) : null;
}

function decidedLines({kind, failed, successor, remarks = []}: Decided): readonly string[] {
  const what = failed && successor ? [planText({kind: kind as RecoveryPlan['kind'], failed, successor})] : [kind];
  return [...what, ...remarks];
}

function stepLine({number, description, state, attempt, outcome}: StepRecord): string {
  return `${number}. ${state}${attempt > 1 ? ` (attempt ${attempt})` : ''}: ${description}${outcome === '' ? '' : `: ${outcome}`}`;
}
