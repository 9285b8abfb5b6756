import {expect, test} from 'vitest';
import {tagOf} from '../../../src/lib/execute/steps/tag.ts';

test.each([
  {what: '17:ab', fence: 3, step: 0, tag: '/* orchestrator 17:ab 3 0 */'},
  {
    what: 'stop-replica of a.example:3306',
    fence: 1_800_000_000_000_000,
    step: 12,
    tag: '/* orchestrator stop-replica-of-a.example:3306 1800000000000000 12 */',
  },
  {what: 'what? */ drop table t /*!', fence: 1, step: 1, tag: '/* orchestrator what--drop-table-t- 1 1 */'},
])('a statement of $what says so in three words', ({tag, ...sender}) => {
  expect(tagOf(sender)).toBe(tag);
});
