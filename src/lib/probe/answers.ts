import type {Row, Statement} from '../flavor/flavor.ts';
import {textOf} from '../flavor/rows.ts';
import {messageOf} from '../errors/errors.ts';
import {errnoOf} from '../servers/failure.ts';
import type {Session} from '../servers/servers.ts';

/** Rows, or why there are none. */
export type Answer = {readonly rows: readonly Row[]} | {readonly error: unknown};

/** What a statement that was not asked would have answered. */
export const NOTHING: Answer = {rows: []};

/** A question on its way. */
interface Question {
  readonly statement: Statement;
  readonly alone: boolean;
  readonly answer: (answer: Answer) => void;
}

/**
 * Asks over one connection; a failure is an answer. Questions of the same moment travel in one message: seven of them cost a
 * third less time than one by one, and one round trip instead of seven to a server far away. In such a message an error takes
 * along everything behind it; so after one, each is asked by itself, and whatever failed stays by itself on this connection.
 */
export class Asking {
  readonly #session: Session;
  #questions: Question[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** Null is not asked. */
  ask(statement: Statement | null): Promise<Answer> {
    return statement === null ? Promise.resolve(NOTHING) : this.#enqueue({statement, alone: false});
  }

  /** For statements from the configuration, which may hold anything, semicolons included; after all others of the moment. */
  askAlone(statement: Statement): Promise<Answer> {
    return this.#enqueue({statement, alone: true});
  }

  #enqueue(question: Omit<Question, 'answer'>): Promise<Answer> {
    return new Promise((answer) => {
      if (this.#questions.length === 0) queueMicrotask(() => void this.#send());
      this.#questions.push({...question, answer});
    });
  }

  async #send(): Promise<void> {
    const questions = this.#questions;
    this.#questions = [];
    const {refused} = this.#session.memory;
    const isAlone = ({statement, alone}: Question) => alone || refused.has(statement.text);
    await Promise.all([this.#askTogether(questions.filter((one) => !isAlone(one))), this.#askEach(questions.filter(isAlone))]);
  }

  async #askTogether(questions: readonly Question[]): Promise<void> {
    if (questions.length < 2) return this.#askEach(questions);
    try {
      const results = await this.#session.queryTogether(questions.map(({statement}) => statement));
      questions.forEach(({answer}, index) => answer({rows: results[index] ?? []}));
    } catch (error) {
      if (errnoOf(error) > 0) await this.#askEach(questions);
      else for (const {answer} of questions) answer({error});
    }
  }

  async #askEach(questions: readonly Question[]): Promise<void> {
    const {refused} = this.#session.memory;
    await Promise.all(
      questions.map(async ({statement, answer}) => {
        const answered = await this.#answered(statement);
        if ('error' in answered) refused.add(statement.text);
        else refused.delete(statement.text);
        answer(answered);
      }),
    );
  }

  async #answered(statement: Statement): Promise<Answer> {
    try {
      return {rows: await this.#session.query(statement)};
    } catch (error) {
      return {error};
    }
  }
}

/** @throws the error that was the answer */
export function mustAnswer(answer: Answer): readonly Row[] {
  if ('error' in answer) throw answer.error;
  return answer.rows;
}

/** What a server would not tell, collected; a reading without it is still a reading. */
export class Remarks {
  readonly list: string[] = [];

  /**
   * The rows of a side question, or none and a remark.
   *
   * @param expected error numbers that say nothing worth a remark
   */
  rows(answer: Answer, about: string, expected: readonly number[] = []): readonly Row[] {
    if ('rows' in answer) return answer.rows;
    if (!expected.includes(errnoOf(answer.error))) this.add(`${about}: ${messageOf(answer.error)}`);
    return [];
  }

  add(remark: string): void {
    this.list.push(remark);
  }
}

/** The first cell of the first row, as configured one-by-one queries answer; null when there is none. */
export function firstCell(rows: readonly Row[]): string | null {
  const value = Object.values(rows[0] ?? {})[0];
  return value === undefined || value === null ? null : textOf(value);
}
