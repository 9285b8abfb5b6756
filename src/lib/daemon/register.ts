import {instanceType, type Analysis} from '../analysis/analyze.ts';
import type {Config} from '../config/keys.ts';
import type {Log} from '../coordination/keep-renewing.ts';
import {touchLease} from '../coordination/lease.ts';
import type {Lease, NodeId} from '../coordination/types.ts';
import {factsOf, newUid} from '../execute/recover.ts';
import {failedHook, hookError, runHooks} from '../hooks/run.ts';
import {keyText} from '../model/instance-key.ts';
import type {Backend} from '../store/backend.ts';
import {endDetectionHooks, registerDetection, startDetectionHooks} from '../store/detection-registration.ts';

export interface Registering {
  readonly backend: Backend;
  readonly config: Config;
  readonly me: NodeId;
  lease(): Lease | null;
  readonly log: Log;
}

/**
 * Registers a finding, and runs OnFailureDetectionProcesses where it is new or where a former leader died running them.
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
  return registered.hooksDue ? tell(by, analysis, {detectionId: registered.detectionId, lease}) : true;
}

async function tell(by: Registering, analysis: Analysis, {detectionId, lease}: {detectionId: number; lease: Lease}): Promise<boolean> {
  const {config, backend, log} = by;
  const commands = config.OnFailureDetectionProcesses;
  if (commands.length === 0) return true;
  const attempt = await backend.transaction(async (work) =>
    (await touchLease(work, lease)) ? startDetectionHooks(work, detectionId) : null,
  );
  if (attempt === null) return false;
  const outcomes = await runHooks({
    list: 'OnFailureDetectionProcesses',
    commands,
    shell: config.ProcessesShellCommand,
    stopOnFailure: true,
    timeout: config.HookTimeoutSeconds * 1000,
    facts: {...factsOf(by, analysis, newUid()), attempt},
    onStep: (sentence) => log('info', sentence),
  });
  const bad = failedHook(outcomes);
  const outcome = bad ? hookError(bad).message : `${outcomes.length} ran`;
  if (bad) log('error', outcome);
  await backend.run((work) => endDetectionHooks(work, detectionId, {state: bad ? 'failed' : 'done', outcome}));
  return !bad;
}
