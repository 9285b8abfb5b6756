import {createHash} from 'node:crypto';
import {instanceType, type Analysis} from '../analysis/analyze.ts';
import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {touchLease} from '../coordination/lease.ts';
import type {Lease, NodeId} from '../coordination/types.ts';
import {factsOf} from '../execute/recover.ts';
import {failedHook, hookError, hooksOf, runHooks, type HookOutcome, type Hooks} from '../hooks/run.ts';
import {keyText} from '../model/instance-key.ts';
import type {Backend} from '../store/backend.ts';
import {
  endDetectionHooks,
  registerDetection,
  startDetectionHooks,
  type DetectionRegistered,
} from '../store/recovery/detection-registration.ts';

/**
 * Hooks of detections that this process began in whatever term, by the number of the detection, and whose end it has not written down:
 * elected again, it does not run them beside themselves.
 */
export type DetectionHooks = Map<number, Promise<readonly HookOutcome[]>>;

export interface Registering {
  readonly detectionHooks: DetectionHooks;
  readonly backend: Backend;
  readonly config: Config;
  readonly me: NodeId;
  lease(): Lease | null;
  readonly log: Log;
}

/**
 * Registers a finding, and runs OnFailureDetectionProcesses where it is new or where a former leader died running them. Whoever is
 * changing the instances meanwhile: that something is confirmed dead is news to people in any case.
 *
 * @returns false when a hook failed, or leadership was lost: this attempt is over
 */
export async function registerFinding(by: Registering, analysis: Analysis): Promise<boolean> {
  const lease = by.lease();
  if (!lease) return false;
  const {instance, code, facts} = analysis;
  const {agrees, abstains, contradicts, unreachable} = facts.evidence;
  const registered = await registerDetection(
    by.backend,
    {
      instance: instance.key,
      analysis: code,
      cluster: instance.cluster.name,
      alias: instance.cluster.suggestedAlias || instance.cluster.name,
      replicas: [...agrees, ...abstains, ...contradicts, ...unreachable].map(({key}) => key),
      actionable: analysis.recovery !== 'detect-only',
      node: by.me,
    },
    (work) => touchLease(work, lease),
  );
  if (!registered) return false;
  if (registered.isNew) by.log('warn', `detected ${code} on ${keyText(instance.key)} (${instanceType(facts)}): ${analysis.because}`);
  if (registered.hooksDue) return tell(by, analysis, {registered, lease});
  by.detectionHooks.delete(registered.detectionId); // another leader has run them to their end
  return true;
}

interface Telling {
  readonly registered: DetectionRegistered;
  readonly lease: Lease;
}

async function tell(by: Registering, analysis: Analysis, {registered, lease}: Telling): Promise<boolean> {
  const {detectionId} = registered;
  const {config, backend, log, detectionHooks} = by;
  const hooks = hooksOf(config, 'OnFailureDetectionProcesses');
  if (!hooks) return true;
  const outcomes = await (detectionHooks.get(detectionId) ?? begin(by, analysis, {registered, lease, hooks}));
  if (outcomes === null) return false;
  const bad = failedHook(outcomes);
  const outcome = bad ? hookError(bad).message : `${outcomes.length} ran`;
  if (bad) log('error', outcome);
  const ours = await backend.transaction(async (work) => {
    // A leader since has begun them once more, and writes down itself what came of that.
    if (!(await touchLease(work, lease))) return false;
    await endDetectionHooks(work, detectionId, {state: bad ? 'failed' : 'done', outcome});
    return true;
  });
  if (ours) detectionHooks.delete(detectionId);
  return ours && !bad;
}

/** @returns what became of them; null when leadership was lost before they began */
async function begin(
  by: Registering,
  analysis: Analysis,
  {registered, lease, hooks}: Telling & {readonly hooks: Hooks},
): Promise<readonly HookOutcome[] | null> {
  const {detectionId} = registered;
  const {backend, log, detectionHooks} = by;
  const attempt = await backend.transaction(async (work) =>
    (await touchLease(work, lease)) ? startDetectionHooks(work, detectionId) : null,
  );
  if (attempt === null) return null;
  const running = runHooks({
    ...hooks,
    facts: {...factsOf(by, analysis, uidOf(registered)), attempt},
    onStep: (sentence) => log('info', sentence),
  });
  detectionHooks.set(detectionId, running);
  running.catch(() => detectionHooks.delete(detectionId));
  return running;
}

/** As a recovery's UID is written; of one detection always the same, so that its hooks know a second attempt for what it is. */
function uidOf({detectionId, began}: DetectionRegistered): string {
  const digest = createHash('sha256').update(`detection ${detectionId} of ${began}`).digest('hex');
  return `${BigInt(began) * 1_000_000_000n}:${digest}`;
}
