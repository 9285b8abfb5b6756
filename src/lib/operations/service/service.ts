import {define, type Field} from '../define.ts';
import {flag} from '../fields.ts';
import {activeNodes} from '../reads.ts';

const discovery: Field<boolean> = {
  options: [{name: 'discovery', value: null, on: true, about: 'probe, analyse and recover when leading; off: only answer HTTP'}],
  required: false,
  read: (texts) => () => texts['discovery'] !== 'false',
};

const recover: Field<readonly string[] | null> = {
  options: [
    {
      name: 'recover',
      value: 'FILTER,...',
      about: "clusters to recover automatically, as RecoverMasterClusterFilters; '*' for all; without it as configured",
    },
  ],
  required: false,
  read(texts) {
    const filters = texts['recover']?.split(',').map((filter) => filter.trim());
    return () => filters?.filter((filter) => filter !== '') ?? null;
  },
};

const grabElection = flag('grab-election', 'take leadership at once');

/** Whether an operation is one that goes on until it is stopped: it has a log that somebody reads, and may listen. */
export function isService({name}: {readonly name: string}): boolean {
  return name === serve.name || name === continuous.name;
}

export const serve = define({
  name: 'serve',
  localOnly: true,
  untilStopped: true,
  section: 'Service',
  formerly: ['http'],
  about: 'Run the service: discover, watch, recover, and answer HTTP',
  details:
    'Any number of services share one backend database and elect one leader, which probes and recovers. Ends orderly on SIGTERM and SIGINT.',
  examples: ['serve', "serve --recover '*'", 'serve --discovery=false'],
  input: {discovery, recover, grabElection},
  changes: 'servers',
  run: (context, input) => context.serve({...input, http: true}),
  print: () => [],
});

export const continuous = define({
  name: 'continuous',
  localOnly: true,
  untilStopped: true,
  section: 'Service',
  formerly: [],
  about: 'Run the service without answering HTTP',
  examples: ['continuous'],
  input: {recover, grabElection},
  changes: 'servers',
  run: (context, input) => context.serve({...input, discovery: true, http: false}),
  print: () => [],
});

export const activeNodesOperation = define({
  name: 'active-nodes',
  section: 'Service',
  formerly: [],
  about: 'Processes of orchestrator that are alive now, from every machine that shares this backend',
  examples: ['active-nodes', 'active-nodes --json'],
  input: {},
  changes: 'nothing',
  run: activeNodes,
  print: (nodes) =>
    nodes.map((node) => [node.hostname, node.token, node.version, node.firstSeen, node.lastSeen, node.mode, node.command].join('\t')),
  table: (nodes) => ({
    head: ['host', 'mode', 'command', 'version', 'since', 'last seen'],
    rows: nodes.map((node) => [node.hostname, node.mode, node.command, node.version, node.firstSeen, node.lastSeen]),
  }),
});

export const redeployInternalDb = define({
  name: 'redeploy-internal-db',
  localOnly: true,
  section: 'Meta',
  formerly: [],
  about: 'Bring the backend schema up to date, whatever the configuration says',
  examples: ['redeploy-internal-db'],
  input: {},
  changes: 'backend',
  async run(context) {
    await context.deploySchema();
    return {deployed: true};
  },
  print: () => ['Redeployed internal db'],
});
