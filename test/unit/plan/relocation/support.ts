import type {Config} from '../../../../src/lib/config/keys.ts';
import type {BinlogCoordinates} from '../../../../src/lib/model/binlog-coordinates.ts';
import {planRelocation} from '../../../../src/lib/plan/relocation/decide.ts';
import type {
  PlannedRelocationStep,
  RelocationDecision,
  RelocationPlan,
  RelocationRefusal,
  RelocationWish,
} from '../../../../src/lib/plan/relocation/plan.ts';
import {given, key, named, type But, type Kind} from '../../support/given.ts';
import {configured} from '../../support/policy.ts';

export interface Situation {
  readonly sketch?: string;
  readonly but?: Readonly<Record<string, But>>;
  readonly kind?: Kind;
  readonly keys?: Partial<Config>;
  /** `a@1000 = b@77`: where on b a replica goes on that has applied a up to 1000. */
  readonly equivalences?: Readonly<Record<string, BinlogCoordinates>>;
}

/** `relocate c below b`, `take-source c`, `move-up-replicas b`; a word after `/` is a pattern of hosts. */
export function wished(text: string, more: Partial<RelocationWish> = {}): RelocationWish {
  const [words = '', pattern] = text.split(' / ');
  const [what = '', name = '', , target] = words.split(' ');
  const only = pattern === undefined ? null : ({host}: {host: string}) => pattern.includes(host);
  const how = what.startsWith('regroup-') ? what.slice('regroup-'.length) : 'any';
  return {
    command: what,
    do: what.startsWith('regroup') ? 'regroup' : what,
    instance: key(name),
    below: target === undefined ? null : key(target),
    only,
    how,
    ...more,
  } as unknown as RelocationWish;
}

export function decide(wish: string | RelocationWish, at: Situation = {}): RelocationDecision {
  const topology = given(at.sketch ?? 'a: b c; b: d', at.but ?? {}, at.kind ?? {});
  return planRelocation({
    topology,
    policy: configured(at.keys),
    wish: typeof wish === 'string' ? wished(wish) : wish,
    equivalent: (found) => at.equivalences?.[`${found.source.host}@${found.at.position} = ${found.target.host}`] ?? null,
  });
}

export function planned(wish: string | RelocationWish, at: Situation = {}): RelocationPlan {
  const decision = decide(wish, at);
  if (!decision.act) throw new Error(`refused (${decision.why.code}): ${decision.why.because}`);
  return decision.plan;
}

export function refused(wish: string | RelocationWish, at: Situation = {}): RelocationRefusal {
  const decision = decide(wish, at);
  if (decision.act) throw new Error(`planned: ${told(decision.plan.steps).join('; ')}`);
  return decision.why;
}

/** `0 follow c b`, and so on: stage, step, on whom, and the other one. */
export const told = (steps: readonly PlannedRelocationStep[]): readonly string[] =>
  steps.map(({step, stage}) => {
    const other = 'source' in step ? ` ${named([step.source]).join()}` : 'among' in step ? ` ${named(step.among).join()}` : '';
    return `${stage} ${step.do} ${step.on.host}${other}`;
  });

/** `c: a > b by gtid` */
export const movesOf = ({moves}: RelocationPlan): readonly string[] =>
  moves.map((move) => `${move.key.host}: ${move.from?.host ?? '-'} > ${move.to.host} by ${move.by.join('+')}`);

export const leftOf = ({left}: RelocationPlan): readonly string[] => left.map((one) => `${one.key.host} ${one.why.code}`);

export const POSITION: Kind = {gtid: false};
export const MARIADB: Kind = {flavor: 'MariaDB'};
export const binlogServer: But = {flavor: 'MaxScale', serverUuid: ''} as But;
