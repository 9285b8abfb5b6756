import type {LastingRule} from '../../operations/instances/bulk.ts';
import type {AuditRecord} from '../../store/audit.ts';
import type {LogPlace} from '../../store/equivalence.ts';
import type {PoolMember} from '../../store/pools.ts';
import type {Changelog} from '../../store/recovery/analysis-changelog.ts';
import {coordinatesJson, keyJson, keysJson, type Json} from './values.ts';

export function auditJson({id, at, type, key, message}: AuditRecord): Json {
  return {AuditId: id, AuditTimestamp: at, AuditType: type, AuditInstanceKey: keyJson(key), Message: message};
}

/** Each change is written `time;code,`. */
export function changelogJson({key, changes}: Changelog): Json {
  return {AnalyzedInstanceKey: keyJson(key), Changelog: changes.map(({at, code}) => `${at};${code},`)};
}

export function logPlaceJson({key, at}: LogPlace): Json {
  return {Key: keyJson(key), Coordinates: coordinatesJson(at)};
}

/** Pool → its members. */
export function poolsJson(members: readonly PoolMember[]): Json {
  const pools = Map.groupBy(members, (member) => member.pool);
  return Object.fromEntries([...pools].map(([pool, its]) => [pool, keysJson(its.map(({key}) => key))]));
}

export function promotionRuleJson({key, rule, since, lasting}: LastingRule): Json {
  return {Hostname: key.host, Port: key.port, PromotionRule: rule, LastSuggestedString: since, PromotionRuleExpiry: later(since, lasting)};
}

/** Times of the backend are in UTC, so that adding to one needs no time zone. */
function later(time: string, seconds: number): string {
  const at = Date.parse(`${time.slice(0, 19).replace(' ', 'T')}Z`);
  return Number.isNaN(at) ? '' : new Date(at + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
