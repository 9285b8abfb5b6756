import {instance} from '../addressing.ts';
import {define} from '../define.ts';
import {changing, SECTION} from './changing.ts';

export const enableGtid = changing({
  name: 'enable-gtid',
  formerly: [],
  about: 'Let a replica find its place by GTID instead of file and position',
  details: 'Refused where it is not certain that the source still has what comes next, and that the replica knows what it has.',
  examples: ['enable-gtid -i db2'],
  force: 'go on where that is not certain, or where something that was received and not applied is lost; this is audited',
  drains: true,
  wish: () => ({do: 'enable-gtid'}),
  routes: ['enable-gtid'],
  message: 'Enabled GTID',
});

export const disableGtid = changing({
  name: 'disable-gtid',
  formerly: [],
  about: 'Let a replica find its place by file and position instead of GTID',
  examples: ['disable-gtid -i db2'],
  force: 'go on although something that was received and not applied is lost; this is audited',
  drains: true,
  wish: () => ({do: 'disable-gtid'}),
  routes: ['disable-gtid'],
  message: 'Disabled GTID',
});

export const whichGtidErrant = define({
  name: 'which-gtid-errant',
  section: SECTION,
  formerly: [],
  about: 'Transactions that a replica has and its source has not, both asked now; an empty line when there are none',
  details: 'On MySQL a GTID set. On MariaDB the last such transaction of each domain and server that wrote them.',
  examples: ['which-gtid-errant -i db2'],
  input: {instance: instance('the replica')},
  changes: 'nothing',
  run: async (context, input) => (await context.onInstance()).errantTransactions(input.instance),
  print: ({errant}) => [errant],
  json: ({instance: seen, errant, source}) => ({instance: seen.key, source: source?.key ?? null, errant}),
});

export const locateGtidErrant = define({
  name: 'locate-gtid-errant',
  section: SECTION,
  formerly: [],
  about: 'The binary logs of a replica in which its errant transactions stand',
  examples: ['locate-gtid-errant -i db2'],
  input: {instance: instance('the replica')},
  changes: 'nothing',
  run: async (context, input) => (await context.onInstance()).locateErrant(input.instance),
  print: (files) => files,
  legacy: {
    http: [{path: 'locate-gtid-errant/:host/:port', reply: {shape: 'plain', message: () => 'located errant GTID', nullWhenEmpty: true}}],
  },
  exits: {3: 'it has no errant transactions'},
});

export const gtidErrantReset = changing({
  name: 'gtid-errant-reset-master',
  formerly: [],
  about: 'Let a replica forget its errant transactions, by emptying its binary log; its data stay',
  details: 'Refused while anything replicates from it, because the binary log is lost.',
  examples: ['gtid-errant-reset-master -i db2', 'gtid-errant-reset-master -i db2 --noop'],
  force: 'go on although others replicate from it, or something that was received and not applied is lost; this is audited',
  drains: true,
  wish: () => ({do: 'gtid-errant-reset'}),
  routes: ['gtid-errant-reset-master'],
  message: 'Removed errant GTID',
});

export const gtidErrantInjectEmpty = changing({
  name: 'gtid-errant-inject-empty',
  formerly: [],
  about: 'Write transactions without effect on the source of the cluster, in the name of the errant ones of a replica',
  details:
    'Then all servers have them. On MariaDB only where their numbers come after all that the source has written in their domain: others would be out of order.',
  examples: ['gtid-errant-inject-empty -i db2', 'gtid-errant-inject-empty -i db2 --noop'],
  wish: () => ({do: 'gtid-errant-inject-empty'}),
  routes: ['gtid-errant-inject-empty'],
  message: 'Have injected empty transactions for',
});
