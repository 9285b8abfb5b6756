import type {Config} from '../config/keys.ts';
import {compilePattern} from '../config/pattern.ts';
import {say} from '../flavor/statement.ts';
import {PROMOTION_RULES, type Place, type PromotionRule, type Reading} from '../model/instance.ts';
import {firstCell, type Answer, type Asking, type Remarks} from './answers.ts';

/** What the configured queries are about, and the keys that hold them. */
const QUERIES = {
  dataCenter: 'DetectDataCenterQuery',
  region: 'DetectRegionQuery',
  environment: 'DetectPhysicalEnvironmentQuery',
  alias: 'DetectInstanceAliasQuery',
  semiSyncPriority: 'DetectSemiSyncEnforcedQuery',
  promotionRule: 'DetectPromotionRuleQuery',
  clusterAlias: 'DetectClusterAliasQuery',
  clusterDomain: 'DetectClusterDomainQuery',
  pseudoGtid: 'DetectPseudoGTIDQuery',
} as const satisfies Record<string, keyof Config>;

type Subject = keyof typeof QUERIES;

/** Answers of the configured queries; those without one are not in it. */
export type Detections = ReadonlyMap<Subject, Answer>;

/** Asks every Detect*Query there is. */
export async function askDetections(asking: Asking, config: Config): Promise<Detections> {
  const subjects = (Object.keys(QUERIES) as Subject[]).filter((subject) => config[QUERIES[subject]] !== '');
  return new Map(
    await Promise.all(subjects.map(async (subject) => [subject, await asking.askAlone(say(config[QUERIES[subject]]))] as const)),
  );
}

export type Classified = Pick<Reading, 'alias' | 'place' | 'detected'> & {readonly semiSyncPriority: number};

/** @param placeOf what the host name alone tells, overridden by what queries say */
export function classify(detections: Detections, placeOf: Place, remarks: Remarks): Classified {
  const cell = (subject: Subject): string | null => {
    const answer = detections.get(subject);
    return answer ? firstCell(remarks.rows(answer, QUERIES[subject])) : null;
  };
  return {
    alias: cell('alias') ?? '',
    place: {
      dataCenter: cell('dataCenter') ?? placeOf.dataCenter,
      region: cell('region') ?? placeOf.region,
      environment: cell('environment') ?? placeOf.environment,
    },
    detected: {
      clusterAlias: cell('clusterAlias'),
      clusterDomain: cell('clusterDomain'),
      promotionRule: promotionRule(cell('promotionRule'), remarks),
      pseudoGtid: cell('pseudoGtid') === '1',
    },
    semiSyncPriority: Math.max(Number(cell('semiSyncPriority') ?? 0) || 0, 0),
  };
}

function promotionRule(text: string | null, remarks: Remarks): PromotionRule | null {
  const rule = PROMOTION_RULES.find((one) => one === text);
  if (text !== null && text !== '' && !rule)
    remarks.add(`DetectPromotionRuleQuery: ${JSON.stringify(text)} is none of ${PROMOTION_RULES.join(', ')}`);
  return rule ?? null;
}

/** What DataCenterPattern, RegionPattern and PhysicalEnvironmentPattern find in a host name; compiled once. */
export function placeByName(config: Config): (host: string) => Place {
  // Compiled anew where a running service has taken up another value.
  const finder = (key: 'DataCenterPattern' | 'RegionPattern' | 'PhysicalEnvironmentPattern') => {
    let last: {readonly pattern: string; readonly compiled: RegExp | null} = {pattern: '', compiled: null};
    return (host: string) => {
      const pattern = config[key];
      if (pattern !== last.pattern) last = {pattern, compiled: pattern === '' ? null : compilePattern(pattern)};
      return last.compiled?.exec(host)?.[1] ?? '';
    };
  };
  const dataCenter = finder('DataCenterPattern');
  const region = finder('RegionPattern');
  const environment = finder('PhysicalEnvironmentPattern');
  return (host) => ({dataCenter: dataCenter(host), region: region(host), environment: environment(host)});
}
