import {takeSnapshot} from '../../store/snapshots.ts';
import {define} from '../define.ts';

export const snapshotTopologies = define({
  name: 'snapshot-topologies',
  section: 'Information',
  formerly: [],
  about: 'Write down how all clusters look now, for topology --pattern to show later',
  examples: ['snapshot-topologies'],
  input: {},
  changes: 'backend',
  async run(context): Promise<{readonly took: number}> {
    const began = performance.now();
    await takeSnapshot(await context.backend());
    return {took: performance.now() - began};
  },
  print: () => [],
  legacy: {
    http: [
      {
        path: 'snapshot-topologies',
        reply: {shape: 'plain', message: () => 'Topology snapshot completed', from: ({took}) => `Took ${took.toFixed(3)}ms`},
      },
    ],
  },
});
