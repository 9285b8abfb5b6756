import {connect} from 'node:net';
import {messageOf, OrchestratorError} from '../../errors/errors.ts';
import {keyText, type InstanceKey} from '../../model/instance-key.ts';
import {forgetResolves, forgetUnresolve, readResolves, writeUnresolve} from '../../store/hostname.ts';
import {readUnresolvedNames} from '../../store/instances.ts';
import {instance} from '../addressing.ts';
import {audit} from '../audit-trail.ts';
import {define} from '../define.ts';
import {optionalText} from '../fields.ts';
import {about} from '../replies.ts';
import {keyLine} from '../say.ts';

const SECTION = 'Names';
const CONNECTS_WITHIN = 5000;

export const resolve = define({
  name: 'resolve',
  section: SECTION,
  formerly: [],
  about: 'The name a host stands for, when somebody answers there',
  details: 'Connects to the port and asks the name servers. The backend takes no part in it.',
  examples: ['resolve -i db1.example:3306'],
  input: {instance: instance('the host, as it is written', {required: true, raw: true, exact: true})},
  changes: 'nothing',
  async run(context, input): Promise<InstanceKey> {
    await knock(input.instance);
    return {host: await context.names.canonicalName(input.instance.host), port: input.instance.port};
  },
  print: keyLine,
  legacy: {http: [{path: 'resolve/:host/:port', reply: {shape: 'key', message: () => 'Instance resolved'}}]},
});

/** @throws OrchestratorError SERVER_UNREACHABLE unless somebody accepts a connection */
function knock(key: InstanceKey): Promise<void> {
  return new Promise((done, fail) => {
    const unreachable = (why: string): void =>
      fail(new OrchestratorError('SERVER_UNREACHABLE', `nobody answers at ${keyText(key)}: ${why}`));
    const socket = connect({host: key.host, port: key.port, timeout: CONNECTS_WITHIN});
    socket.once('connect', () => {
      socket.destroy();
      done();
    });
    socket.once('error', (error) => unreachable(messageOf(error)));
    socket.once('timeout', () => {
      socket.destroy();
      unreachable(`no connection within ${CONNECTS_WITHIN / 1000} s`);
    });
  });
}

export const resetHostnameResolveCache = define({
  name: 'reset-hostname-resolve-cache',
  section: SECTION,
  formerly: [],
  about: 'Forget what host names resolve to, here and in the backend',
  examples: ['reset-hostname-resolve-cache'],
  input: {},
  changes: 'backend',
  async run(context) {
    await forgetResolves(await context.backend());
    await context.names.forget();
    await audit(context, {type: 'reset-hostname-resolve-cache', message: `by ${context.caller.user}`});
    return {reset: true};
  },
  print: () => ['hostname resolve cache cleared'],
  legacy: {http: [{path: 'reset-hostname-resolve-cache', reply: {shape: 'nothing', message: () => 'Hostname cache cleared'}}]},
});

export const hostnameResolveCache = define({
  name: 'hostname-resolve-cache',
  section: SECTION,
  formerly: [],
  about: 'What this process remembers of host names; of use over HTTP, where it is the service that answers',
  examples: ['hostname-resolve-cache --json'],
  input: {},
  changes: 'nothing',
  run: (context) => context.names.remembered(),
  print: (all) => all.map((one) => `${one.host} ${one.resolved}`),
  legacy: {
    http: [
      {
        path: 'hostname-resolve-cache',
        reply: {
          shape: 'plain',
          message: () => 'Cache retrieved',
          from: (all) =>
            Object.fromEntries(
              all.map(({host, resolved, expiresIn}) => [host, {Object: resolved, Expiration: Math.round(Date.now() + expiresIn) * 1e6}]),
            ),
        },
      },
    ],
  },
});

type Pairs = readonly (readonly [host: string, name: string])[];
const pairLines = (pairs: Pairs): readonly string[] => pairs.map((pair) => pair.join(' '));
const sorted = (pairs: ReadonlyMap<string, string>): Pairs => [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));

export const showResolveHosts = define({
  name: 'show-resolve-hosts',
  section: SECTION,
  formerly: [],
  about: 'Host names and what they were resolved to, as the backend remembers',
  examples: ['show-resolve-hosts'],
  input: {},
  changes: 'nothing',
  run: async (context) => sorted(await readResolves(await context.backend())),
  print: pairLines,
});

export const showUnresolveHosts = define({
  name: 'show-unresolve-hosts',
  section: SECTION,
  formerly: [],
  about: 'Host names and the virtual names that replicas are given in their place',
  examples: ['show-unresolve-hosts'],
  input: {},
  changes: 'nothing',
  run: async (context) => sorted(await readUnresolvedNames(await context.backend())),
  print: pairLines,
});

export const registerHostnameUnresolve = define({
  name: 'register-hostname-unresolve',
  section: SECTION,
  formerly: [],
  about: 'Note a virtual name for a host; to be repeated before ExpiryHostnameResolvesMinutes have passed',
  details:
    'Replicas are pointed at it in place of the name of the host, once it was seen to lead there. Where it leads elsewhere they are not moved.',
  examples: ['register-hostname-unresolve -i db1 --hostname db1.vip'],
  input: {
    instance: instance('the instance'),
    virtual: optionalText({name: 'hostname', short: 'H', value: 'NAME', about: 'the virtual name; without it the host has none any more'}),
  },
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    const {host} = input.instance;
    const backend = await context.backend();
    if (input.virtual === null) await forgetUnresolve(backend, host);
    else await writeUnresolve(backend, host, input.virtual);
    const type = input.virtual === null ? 'deregister-hostname-unresolve' : 'register-hostname-unresolve';
    await audit(context, {type, key: input.instance, message: input.virtual ?? ''});
    return input.instance;
  },
  print: keyLine,
  legacy: {
    http: [
      {
        path: 'register-hostname-unresolve/:host/:port/:virtualname',
        params: {virtualname: 'hostname'},
        reply: {shape: 'key', message: about('Virtual name registered')},
      },
    ],
  },
});

export const deregisterHostnameUnresolve = define({
  name: 'deregister-hostname-unresolve',
  section: SECTION,
  formerly: [],
  about: 'Let replicas be given the name of a host itself again',
  examples: ['deregister-hostname-unresolve -i db1'],
  input: {instance: instance('the instance')},
  changes: 'backend',
  async run(context, input): Promise<InstanceKey> {
    if (await forgetUnresolve(await context.backend(), input.instance.host))
      await audit(context, {type: 'deregister-hostname-unresolve', key: input.instance, message: ''});
    return input.instance;
  },
  print: keyLine,
  legacy: {
    http: [{path: 'deregister-hostname-unresolve/:host/:port', reply: {shape: 'key', message: about('Virtual name removed')}}],
  },
});
