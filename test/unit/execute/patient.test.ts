import {expect, test} from 'vitest';
import {OrchestratorError, type ErrorCode} from '../../../src/lib/errors/errors.ts';
import type {Instance} from '../../../src/lib/model/instance.ts';
import type {Statement} from '../../../src/lib/flavor/flavor.ts';
import {flavorOf} from '../../../src/lib/flavor/flavors.ts';
import {say} from '../../../src/lib/flavor/statement.ts';
import {patient} from '../../../src/lib/execute/relocation/steps/patient.ts';
import {handOf, type Hand} from '../../../src/lib/execute/steps/hand.ts';
import {SourceNames} from '../../../src/lib/execute/steps/source-names.ts';
import {given} from '../support/given.ts';

const [instance] = given('a').instances as readonly [Instance];
const flavor = flavorOf({version: '10.11.18-MariaDB', versionComment: ''});

/** Sessions one after the other; each is good for nothing more once an answer came too late. */
function sessions(answers: readonly (ErrorCode | 'done')[]) {
  const said: string[] = [];
  let opened = 0;
  const open = (): Hand => {
    const session = ++opened;
    const parts = {key: instance.key, flavor, names: new SourceNames(null), instance};
    return handOf(parts, async (statement: Statement) => {
      const answer = answers[said.length] ?? 'done';
      said.push(`${session} ${statement.text}`);
      if (answer !== 'done') throw new OrchestratorError(answer, 'no answer in time');
      return [];
    });
  };
  return {said, open};
}

test.each<{what: string; answers: readonly (ErrorCode | 'done')[]; said: readonly string[]; fails?: ErrorCode}>([
  {what: 'answered at once', answers: ['done'], said: ['1 STOP SLAVE']},
  {
    what: 'answered late twice',
    answers: ['SERVER_TIMEOUT', 'SERVER_TIMEOUT', 'done'],
    said: ['1 STOP SLAVE', '2 STOP SLAVE', '3 STOP SLAVE'],
  },
  {what: 'lost', answers: ['SERVER_UNREACHABLE'], said: ['1 STOP SLAVE'], fails: 'SERVER_UNREACHABLE'},
  {what: 'past the end of the lock', answers: ['DEADLINE_PASSED'], said: ['1 STOP SLAVE'], fails: 'DEADLINE_PASSED'},
])('a statement that is $what', async ({answers, said, fails}) => {
  const server = sessions(answers);
  const hand = patient(server.open(), async () => server.open());
  const outcome = await hand.say(say('STOP SLAVE')).then(
    () => 'done',
    (error: {code: ErrorCode}) => error.code,
  );
  expect(outcome).toBe(fails ?? 'done');
  expect(server.said).toEqual(said);
});

test('the next one goes over the session that answered', async () => {
  const server = sessions(['SERVER_TIMEOUT', 'done']);
  const hand = patient(server.open(), async () => server.open());
  await hand.say(say('STOP SLAVE'));
  expect(await hand.replication()).toBeNull();
  expect(server.said).toEqual(['1 STOP SLAVE', '2 STOP SLAVE', '2 SHOW ALL SLAVES STATUS']);
});

test('patience has an end', async () => {
  const server = sessions(['SERVER_TIMEOUT', 'SERVER_TIMEOUT']);
  await expect(patient(server.open(), async () => server.open(), 0).say(say('STOP SLAVE'))).rejects.toMatchObject({code: 'SERVER_TIMEOUT'});
  expect(server.said).toHaveLength(1);
});
