import {expect, test} from 'vitest';
import {ALL} from '../../../src/lib/operations/registry.ts';
import {complete, matching} from '../../../src/lib/surfaces/cli/completion.ts';

const after = (line: string): readonly string[] | string => {
  const found = complete(line, ALL);
  return typeof found.choices === 'string' ? `${found.before}<${found.choices} ${found.typed}>` : matching(found, found.choices);
};

test.each([
  {line: 'orchestrator replication-an', offers: ['replication-analysis', 'replication-analysis-changelog']},
  {line: 'orchestrator --json topo', offers: ['topology', 'topology-tabulated', 'topology-tags']},
  {line: 'orchestrator -c which-ma', offers: ['which-master']},
  {line: 'orchestrator config ', offers: ['check', 'schema']},
  {line: 'orchestrator help topology-t', offers: ['topology-tabulated', 'topology-tags']},
  {line: 'orchestrator help config c', offers: ['check']},
  {line: 'orchestrator hel', offers: ['help']},
  {line: 'orchestrator topology --inst', offers: ['--instance']},
  {line: 'orchestrator replication-analysis --e', offers: ['--enable-database-update', '--explain']},
  {line: 'orchestrator --format t', offers: ['table']},
  {line: 'orchestrator which-master --format t', offers: ['table']},
  {line: 'orchestrator which-master --format=', offers: ['--format=json', '--format=plain', '--format=table']},
  {line: 'orchestrator register-candidate -i db1 -R pref', offers: ['prefer', 'prefer_not']},
  {line: 'orchestrator completion ', offers: ['bash', 'fish', 'zsh']},
  {line: 'orchestrator which-replicas db', offers: '<instances db>'},
  {line: 'orchestrator which-replicas -i ', offers: '<instances >'},
  {line: 'orchestrator which-replicas --instance=db1:33', offers: '--instance=<instances db1:33>'},
  {line: 'orchestrator relocate -i db1 -d db', offers: '<instances db>'},
  {line: 'orchestrator topology sh', offers: '<clusters sh>'},
  {line: 'orchestrator topology -a sh', offers: '<clusters sh>'},
  {line: 'orchestrator -c relocate -d db', offers: '<instances db>'},
  {line: 'orchestrator tagged -t ', offers: '<tags >'},
  {line: 'orchestrator which-replicas db1 db', offers: []},
  {line: 'orchestrator no-such-command ', offers: []},
  {line: 'orchestrator topology --no-such=x', offers: []},
])('$line', ({line, offers}) => {
  expect(after(line)).toEqual(offers);
});

test('an empty line offers every command', () => {
  const offered = after('orchestrator ');
  expect(offered).toContain('topology');
  expect(offered).toContain('recovery');
  expect(offered).not.toContain('recovery abort');
});
