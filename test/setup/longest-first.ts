import {BaseSequencer, type TestSpecification} from 'vitest/node';

/** What takes a minute and more, longest first; begun last, one of them would run alone at the end. */
const LONG: readonly string[] = [
  'servers/interrupted.test.ts',
  'servers/scenarios/mariadb.test.ts',
  'servers/interrupted-anywhere.test.ts',
  'servers/leader.test.ts',
  'servers/returned.test.ts',
  'servers/orphans.test.ts',
  'servers/each-its-database.test.ts',
  'servers/drain.test.ts',
  'servers/scenarios/mysql9.test.ts',
  'servers/candidate.test.ts',
  'backend/coordination-leadership.test.ts',
  'backend/coordination-contenders.test.ts',
  'backend/coordination-processes.test.ts',
  'backend/coordination-lease.test.ts',
  'backend/cli-locks.test.ts',
];

function rankOf({moduleId}: TestSpecification): number {
  const rank = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}`));
  return rank < 0 ? LONG.length : rank;
}

/** Vitest goes by the size of a file where it has not seen it run before, as in CI; a list of scenarios is small and takes minutes. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const tiers = Map.groupBy(sorted, ({project}) => project.name);
    return [...tiers.values()].flatMap((tier) => tier.toSorted((one, other) => rankOf(one) - rankOf(other)));
  }
}
