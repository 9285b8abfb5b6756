import {instanceFilter} from '../../config/filters.ts';
import {keyText} from '../../model/instance-key.ts';
import {readAudit, type AuditRecord} from '../../store/audit.ts';
import {readChangelog, type Changelog} from '../../store/recovery/analysis-changelog.ts';
import {instance} from '../addressing.ts';
import {define, type Field} from '../define.ts';
import {integer, optionalText} from '../fields.ts';
import {instancesWhere} from '../reads.ts';
import {problemsOf} from './problems.ts';

const SECTION = 'Information';

export const problems = define({
  name: 'problems',
  section: SECTION,
  formerly: [],
  about: 'Instances with a problem, downtimed ones and ProblemIgnoreHostnameFilters left out',
  details:
    'A problem is that the last check failed or is old, that replication does not run or lags, errant transactions, or a group that it is not online in.',
  examples: ['problems', 'problems --cluster db1:3306'],
  input: {cluster: optionalText({name: 'cluster', value: 'NAME', about: 'only clusters of this name; % stands for any text'})},
  changes: 'nothing',
  async run(context, {cluster}) {
    const config = await context.config();
    const isIgnored = instanceFilter(config.ProblemIgnoreHostnameFilters);
    const isNamed = cluster === null ? () => true : like(cluster);
    return (await instancesWhere(context, {}))
      .filter((one) => isNamed(one.cluster.name) && one.wishes.downtime === null && !isIgnored(one.key))
      .map((one) => ({instance: one, problems: problemsOf(one, config)}))
      .filter((one) => one.problems.length > 0);
  },
  print: (found) => found.map((one) => `${keyText(one.instance.key)} ${one.problems.join(',')}`),
  table: (found) => ({
    head: ['instance', 'cluster', 'problems'],
    rows: found.map((one) => [keyText(one.instance.key), one.instance.cluster.name, one.problems.join(', ')]),
  }),
  json: (found) => found.map((one) => ({key: one.instance.key, cluster: one.instance.cluster.name, problems: one.problems})),
  legacy: {
    http: [
      {path: 'problems', reply: {shape: 'instances', from: (found) => found.map((one) => one.instance), nullWhenEmpty: true}},
      {
        path: 'problems/:clusterName',
        params: {clusterName: 'cluster'},
        reply: {shape: 'instances', from: (found) => found.map((one) => one.instance), nullWhenEmpty: true},
      },
    ],
  },
});

/** As LIKE of SQL: % is any text, _ any letter; letter case is ignored. Takes no longer for an odd pattern than for any other. */
export function like(pattern: string): (text: string) => boolean {
  const parts = pattern
    .toLowerCase()
    .split('%')
    .map((part) => [...part]);
  const first = parts[0] ?? [];
  const last = parts.length > 1 ? parts.at(-1) : undefined;
  return (text) => {
    const letters = [...text.toLowerCase()];
    const fits = (part: readonly string[], at: number): boolean =>
      at + part.length <= letters.length && part.every((letter, index) => letter === '_' || letter === letters[at + index]);
    if (!fits(first, 0)) return false;
    if (last === undefined) return first.length === letters.length;
    let at = first.length;
    for (const part of parts.slice(1, -1)) {
      while (at <= letters.length && !fits(part, at)) at++;
      at += part.length;
    }
    return at <= letters.length - last.length && fits(last, letters.length - last.length);
  };
}

const ABOUT: Field<{readonly host: string; readonly port: number} | null> = {
  options: [{name: 'instance', short: 'i', value: 'host[:port]', about: 'only about this instance'}],
  required: false,
  read: (texts) => (texts['instance'] === undefined ? () => null : instance('', {required: true}).read(texts)),
};
const PAGE = integer({name: 'page', value: 'NUMBER', about: 'which page, from 0'}, {least: 0, absent: 0});
const auditReply = {shape: 'audit'} as const;

export const auditOperation = define({
  name: 'audit',
  section: 'Service',
  formerly: [],
  about: 'What was done, the latest first, twenty a page; AuditToBackendDB has to be set',
  examples: ['audit', 'audit -i db1 --page 1'],
  input: {about: ABOUT, page: PAGE},
  changes: 'nothing',
  run: async (context, {about, page}): Promise<readonly AuditRecord[]> =>
    readAudit(await context.backend(), {page, ...(about !== null && {key: about})}),
  print: (found) => found.map((one) => auditCells(one).join('\t')),
  table: (found) => ({head: ['when', 'what', 'instance', 'cluster', 'message'], rows: found.map(auditCells)}),
  legacy: {
    http: [
      {path: 'audit', reply: auditReply},
      {path: 'audit/:page', reply: auditReply},
      {path: 'audit/instance/:host/:port', reply: auditReply},
      {path: 'audit/instance/:host/:port/:page', reply: auditReply},
    ],
  },
});

function auditCells({at, type, key, cluster, message}: AuditRecord): readonly string[] {
  return [at, type, key === null ? '' : keyText(key), cluster, message.replaceAll(/\s+/g, ' ')];
}

export const replicationAnalysisChangelog = define({
  name: 'replication-analysis-changelog',
  section: 'Replication analysis',
  formerly: [],
  about: 'When the finding about each instance changed, and to what',
  examples: ['replication-analysis-changelog --json'],
  input: {},
  changes: 'nothing',
  run: async (context): Promise<readonly Changelog[]> => readChangelog(await context.backend()),
  print: (logs) => logs.flatMap(({key, changes}) => changes.map(({at, code}) => [keyText(key), at, code].join('\t'))),
  legacy: {http: [{path: 'replication-analysis-changelog', reply: {shape: 'changelog', nullWhenEmpty: true}}]},
});
