import {analyze, type Analysis} from '../analysis/analyze.ts';
import type {AnalysisCode} from '../analysis/codes.ts';
import {RULES, unmet, type RecoveryKind} from '../analysis/rules.ts';
import type {Config} from '../config/keys.ts';
import {matchesHost} from '../config/filters.ts';
import type {Instance} from '../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../model/instance-key.ts';
import type {Topology} from '../model/topology.ts';
import type {Decision} from './plan.ts';
import {planRecovery} from './recovery.ts';
import {checksBeforePlanning, type Check} from './vetoes.ts';

/** What only the backend knows of a recovery that there is or would be. */
export interface Standing {
  /** Recoveries are not disabled globally. Null: that cannot be read. */
  readonly enabled: boolean | null;
  /** An earlier recovery that blocks another, in a sentence; null: none. */
  readonly blockedBy: string | null;
  /** Who is changing the instances, in a sentence; null: nobody. */
  readonly lockedBy: string | null;
  /** Who leads; null: nobody, so that nothing is recovered automatically. */
  readonly leader: string | null;
}

/** What was seen of one instance, and when. */
export interface Sighting {
  readonly key: InstanceKey;
  readonly check: Instance['check'];
  /** One sentence without the instance's name. */
  readonly says: string;
}

/** A rule that was tried. */
export interface Tried {
  /** Its place in the table of rules, from 1. */
  readonly rule: number;
  readonly code: AnalysisCode;
  /** What it is about, as it says where it matches. */
  readonly because: string;
  /** Why it does not match: what is so instead of the first thing it needs. Null: it does, and no later one is tried. */
  readonly unmet: string | null;
}

/** Why an instance is judged as it is, and what would be done. From the rules and the planner that the leader uses. */
export interface Explanation {
  readonly analysis: Analysis;
  /** Place of the rule that matched in the table of rules, from 1; null: none of them did. */
  readonly rule: number | null;
  /** Rules there are. */
  readonly rules: number;
  /** In their order, up to the one that matched. */
  readonly tried: readonly Tried[];
  /** The instance, then its direct replicas. */
  readonly seen: readonly Sighting[];
  /** Why replication-analysis says nothing about it, though it is as it is; null: it does. */
  readonly leftOut: string | null;
  /** All that may hold a recovery back. */
  readonly checks: readonly Check[];
  /** Null: there is nothing to recover, now or if it failed. */
  readonly decision: Decision | null;
  /** The decision is about its failing now: it has not failed. */
  readonly supposed: boolean;
}

/** @returns null when the topology does not have the instance */
export function explain(
  topology: Topology,
  key: InstanceKey,
  by: {readonly config: Config; readonly standing: Standing},
): Explanation | null {
  const {config} = by;
  const instance = topology.get(key);
  const analysis = instance && analysisOf(topology, instance, config);
  if (!analysis) return null;
  const supposed = analysis.recovery === 'none' && analysis.facts.reachable && analysis.facts.replicas > 0;
  const tried = rulesTried(analysis, config);
  const about = supposed ? supposingDead(topology, analysis, config) : {topology, analysis};
  return {
    analysis,
    rule: tried.find(({unmet: why}) => why === null)?.rule ?? null,
    rules: RULES.length,
    tried,
    seen: [instance, ...topology.replicasOf(key)].map(sightingOf),
    leftOut: leftOut(instance, analysis, config),
    checks: checksOn(instance, about.analysis.recovery, by),
    decision: about.analysis.recovery === 'none' ? null : decide(about, config),
    supposed,
  };
}

function rulesTried({facts}: Analysis, config: Config): readonly Tried[] {
  const all = RULES.map((rule, at): Tried => ({rule: at + 1, code: rule.code, because: rule.because, unmet: unmet(rule, facts, config)}));
  const matched = all.findIndex((one) => one.unmet === null);
  return matched < 0 ? all : all.slice(0, matched + 1);
}

/** Of everything there is, healthy or not, whoever else is not to be told of it. */
function analysisOf(topology: Topology, instance: Instance, config: Config): Analysis | undefined {
  const shown = instance.wishes.inMaintenance ? {...instance, wishes: {...instance.wishes, inMaintenance: false}} : instance;
  const policy = {
    ...config,
    withHealthy: true,
    withDowntimed: true,
    ReduceReplicationAnalysisCount: false,
    RecoveryIgnoreHostnameFilters: [],
  };
  return analyze(shown === instance ? topology : topology.with(shown), policy).find((one) => sameKey(one.instance.key, instance.key));
}

/** What would be found, and what would be done about it, if an instance died now; null when it is not known. */
export function whatIfDead(
  topology: Topology,
  key: InstanceKey,
  config: Config,
): {readonly analysis: Analysis; readonly decision: Decision} | null {
  const instance = topology.get(key);
  const analysis = instance && analysisOf(topology, instance, config);
  if (!analysis) return null;
  const about = instance.check.valid ? supposingDead(topology, analysis, config) : {topology, analysis};
  return {analysis: about.analysis, decision: decide(about, config)};
}

/** What would be found if the instance refused connections and all its replicas noticed. */
function supposingDead(topology: Topology, {instance}: Analysis, config: Config): {topology: Topology; analysis: Analysis} {
  const dead: Instance = {...instance, check: {...instance.check, valid: false, partial: false, reach: 'refused', errno: 2003}};
  const noticed = topology.replicasOf(instance.key).map((replica): Instance => {
    if (!replica.check.valid || !replica.replication) return replica;
    const {replication} = replica;
    return {...replica, replication: {...replication, receiver: {state: 'other', errno: 2003, error: ''}}};
  });
  const supposed = topology.with(dead, ...noticed);
  const analysis = analysisOf(supposed, dead, config);
  if (!analysis) throw new Error(`${keyText(instance.key)} is gone from its own topology`);
  return {topology: supposed, analysis};
}

/** What the planner says, with downtime and locks left aside: they are told apart. */
function decide({topology, analysis}: {topology: Topology; analysis: Analysis}, config: Config): Decision {
  return planRecovery({...analysis, beingChangedBy: null}, topology, config, {forced: true});
}

function checksOn(instance: Instance, recovery: RecoveryKind, {config, standing}: {config: Config; standing: Standing}): readonly Check[] {
  const found = checksBeforePlanning({instance, recovery, enabled: standing.enabled, underWay: 0}, config);
  const {blockedBy, lockedBy, leader} = standing;
  return [
    ...found.filter(({code}) => code !== 'too-many-recoveries'),
    {code: 'recently-recovered', holdsBack: blockedBy !== null, says: blockedBy ?? 'no earlier recovery blocks another'},
    {code: 'being-changed', holdsBack: lockedBy !== null, says: lockedBy ?? 'nobody is changing it or its replicas'},
    {
      code: 'not-probed-in-this-term',
      holdsBack: leader === null,
      says: leader === null ? 'no node leads, so nothing is recovered automatically' : `${leader} leads`,
    },
  ];
}

function leftOut({key, wishes}: Instance, {facts, skippable}: Analysis, config: Config): string | null {
  if (wishes.inMaintenance) return 'it is in maintenance';
  if (matchesHost(config.RecoveryIgnoreHostnameFilters, key.host)) return 'RecoveryIgnoreHostnameFilters matches its host';
  const {reachable, replicas, isFailingToConnect} = facts;
  if (config.ReduceReplicationAnalysisCount && reachable && replicas === 0 && !isFailingToConnect)
    return 'it is well and has no replicas (ReduceReplicationAnalysisCount)';
  return skippable ? 'it, or all its replicas, are downtimed' : null;
}

/** How an instance was seen last, and what its replication said then. */
export function sightingOf({key, check, replication, wishes, readOnly}: Instance): Sighting {
  const seen = check.lastSeen === '' ? 'never seen' : `last seen ${check.lastSeen}${ago(check.secondsSinceSeen)}`;
  const now = check.valid
    ? [seen, readOnly ? 'read-only' : 'writable']
    : [`cannot be reached (${reachText(check)})`, seen, ...(check.lastAttempted === '' ? [] : [`last tried ${check.lastAttempted}`])];
  const marks = [
    ...(wishes.downtime ? [`downtimed by ${wishes.downtime.owner}: ${wishes.downtime.reason}`] : []),
    ...(wishes.promotionRule === 'neutral' ? [] : [`promotion rule ${wishes.promotionRule}`]),
  ];
  return {key, check, says: [...now, ...(replication ? threadsText(replication) : []), ...marks].join('; ')};
}

function ago(seconds: number | null): string {
  return seconds === null ? '' : ` (${Math.round(seconds)} s ago)`;
}

function reachText({reach, errno}: Instance['check']): string {
  return errno === 0 ? reach : `${reach}, error ${errno}`;
}

function threadsText({source, receiver, applier, lag}: NonNullable<Instance['replication']>): readonly string[] {
  const thread = (name: string, {state, errno}: {state: string; errno: number}): string =>
    `${name} ${state === 'other' ? 'connecting' : state}${errno === 0 ? '' : ` with error ${errno}`}`;
  const of = source === null ? 'replicates from nobody' : `replicates from ${keyText(source)}`;
  return [of, thread('receiver', receiver), thread('applier', applier), ...(lag === null ? [] : [`lag ${lag} s`])];
}
