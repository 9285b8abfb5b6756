import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer, type IncomingHttpHeaders, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {defaultDraft} from '../../src/lib/config/draft.ts';
import type {Json} from '../../src/lib/config/json.ts';
import {readWebhook} from '../../src/lib/config/webhooks.ts';
import {hookFacts} from '../../src/lib/hooks/facts.ts';
import {failedHook, hooksOf, runHooks, type HookOutcome} from '../../src/lib/hooks/run.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

/** Somebody who is told, and answers in turn with these; the last one again and again. */
let server: Server;
let asked: Asked[];
let answers: readonly {status: number; text?: string; location?: string; never?: true}[];
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'orchestrator-webhook-'));
  asked = [];
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      asked.push({method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: JSON.parse(body) as Json});
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer?.never) return;
      response.writeHead(answer?.status ?? 500, answer?.location ? {location: answer.location} : {}).end(answer?.text ?? '');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, {recursive: true, force: true});
});

const facts = hookFacts({
  failureType: 'DeadMaster',
  failed: {host: 'db1', port: 3306},
  cluster: 'db1:3306',
  orchestratorHost: 'orc1',
  recoveryUid: 'uid-1',
  failureDescription: 'it is "gone"\nfor good',
  attempt: 2,
});

type Entry = Readonly<Record<string, Json>>;

async function sent(...entries: readonly Entry[]): Promise<{outcomes: readonly HookOutcome[]; steps: readonly string[]}> {
  const port = (server.address() as AddressInfo | null)?.port ?? 0;
  const steps: string[] = [];
  const defaults = {Lists: ['PreFailoverProcesses'], URL: `http://127.0.0.1:${port}/told`};
  const config = {...defaultDraft().values, HTTPHooks: entries.map((entry) => ({...defaults, ...entry}))};
  const hooks = hooksOf(config, 'PreFailoverProcesses');
  if (!hooks) return {outcomes: [], steps};
  const env = {...process.env, TOKEN: 'hunter2'};
  const outcomes = await runHooks({...hooks, timeout: 20_000, facts, env, onStep: (step) => void steps.push(step)});
  return {outcomes, steps};
}

describe('a webhook', () => {
  test('without a template all that hooks are told is sent, with UID and attempt', async () => {
    answers = [{status: 202, text: 'queued'}];
    const {outcomes, steps} = await sent({});
    expect(failedHook(outcomes)).toBeUndefined();
    expect(asked).toMatchObject([
      {
        method: 'POST',
        path: '/told',
        headers: {'content-type': 'application/json', 'x-orchestrator-recovery-uid': 'uid-1', 'x-orchestrator-recovery-attempt': '2'},
        body: {failureType: 'DeadMaster', failedHost: 'db1', failedPort: '3306', recoveryUID: 'uid-1', attempt: '2', isSuccessful: 'false'},
      },
    ]);
    expect(asked[0]?.body).not.toHaveProperty('successorHost');
    expect(steps).toEqual([
      expect.stringMatching(/^PreFailoverProcesses: hook 1 of 1 starts: POST http:\S+\/told$/),
      expect.stringMatching(/^PreFailoverProcesses: hook 1 of 1 succeeded after \S+ s: 202 queued$/),
    ]);
  });

  test('a template is filled within its texts, which stay texts', async () => {
    answers = [{status: 200}];
    await sent({
      Method: 'PUT',
      Template: {text: '{failureDescription} of {failedHost}, {successorHost}', parts: ['{nobody}', 1, null, true]},
    });
    expect(asked).toMatchObject([
      {method: 'PUT', body: {text: 'it is "gone"\nfor good of db1, {successorHost}', parts: ['{nobody}', 1, null, true]}},
    ]);
  });

  test('secrets come from the environment and from files, and are not shown', async () => {
    answers = [{status: 401, text: 'no'}];
    const file = path.join(folder, 'key');
    writeFileSync(file, 'swordfish\n');
    const {steps, outcomes} = await sent({Headers: {Authorization: 'Bearer ${TOKEN}', 'X-Key': `\${file:${file}}`}});
    expect(asked[0]?.headers).toMatchObject({authorization: 'Bearer hunter2', 'x-key': 'swordfish'});
    expect(JSON.stringify({steps, outcomes})).not.toMatch(/hunter2|swordfish/);
  });

  test('one whose secret is missing is not sent', async () => {
    const {outcomes} = await sent({Headers: {Authorization: '${NOBODY}'}});
    expect(outcomes).toMatchObject([{how: 'not-started', problem: expect.stringContaining('NOBODY is not set') as string}]);
    expect(asked).toEqual([]);
  });

  test('who is busy is asked again, who refuses is not', async () => {
    answers = [{status: 503}, {status: 200, text: 'now'}];
    expect((await sent({})).outcomes).toMatchObject([{how: 'ok', output: '200 now'}]);
    expect(asked).toHaveLength(2);
    answers = [{status: 400, text: 'never'}];
    asked = [];
    expect((await sent({})).outcomes).toMatchObject([{how: 'failed', problem: 'was answered 400', output: '400 never'}]);
    expect(asked).toHaveLength(1);
  });

  test('retries end', async () => {
    answers = [{status: 500}];
    expect((await sent({Retries: 1})).outcomes).toMatchObject([{how: 'failed', problem: 'was answered 500 after 2 tries'}]);
    expect(asked).toHaveLength(2);
  });

  test('a redirection is a failure: headers go to nobody else', async () => {
    answers = [{status: 302, location: '/elsewhere'}];
    expect((await sent({})).outcomes).toMatchObject([{how: 'failed', problem: 'was answered 302'}]);
    expect(asked.map((one) => one.path)).toEqual(['/told']);
  });

  test('who does not answer is given up, and what follows in a list that stops is not sent', async () => {
    answers = [{status: 200, never: true}];
    const {outcomes, steps} = await sent({TimeoutSeconds: 1, Retries: 0}, {});
    expect(outcomes).toMatchObject([{how: 'failed', problem: 'was not answered in time'}]);
    expect(steps.at(-1)).toBe('PreFailoverProcesses: the remaining 1 are not run');
  });

  test('who cannot be reached', async () => {
    const {port} = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    const {outcomes} = await sent({URL: `http://127.0.0.1:${port}/`, Retries: 0});
    expect(outcomes).toMatchObject([{how: 'failed', problem: expect.stringMatching(/^could not be sent: .*ECONNREFUSED/) as string}]);
  });

  test('long answers are cut', async () => {
    answers = [{status: 200, text: 'x'.repeat(100_000)}];
    expect((await sent({})).outcomes[0]?.output).toHaveLength('200 '.length + 500);
  });

  test('one of another list is not sent', async () => {
    expect(await sent({Lists: ['PostFailoverProcesses']})).toEqual({outcomes: [], steps: []});
  });

  test('in the background it is not waited for', async () => {
    answers = [{status: 500, never: true}];
    expect((await sent({Background: true})).outcomes).toMatchObject([{how: 'background'}]);
  });
});

test.each<[Entry, RegExp]>([
  [{Lists: []}, /^Lists must name/],
  [{Lists: ['Nobody']}, /^Lists must name/],
  [{URL: 'ftp://x'}, /^URL must begin/],
  [{Method: 'GET'}, /^Method must be one of/],
  [{Headers: {a: 1}}, /^Headers must be/],
  [{TimeoutSeconds: 0}, /^TimeoutSeconds must be/],
  [{Retries: -1}, /^Retries must be/],
  [{Background: 'yes'}, /^Background must be/],
  [{Body: ''}, /^"Body" is none of/],
])('%j: %s', (entry, problem) => {
  const read = readWebhook({Lists: ['PostFailoverProcesses'], URL: 'https://x.example/', ...entry});
  expect('problem' in read ? read.problem : '').toMatch(problem);
});
