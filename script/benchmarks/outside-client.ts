import {fork, type ChildProcess} from 'node:child_process';
import path from 'node:path';
import type {FromClient, Report, ToClient} from './messages.ts';

type Said<Is extends FromClient['is']> = Extract<FromClient, {is: Is}>;

/** The application in its own process, from this side. It ends with us, however we end. */
export class OutsideClient {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it; it writes `ratePerSecond` rows a second into `test.t` of the source from now on. */
  static async start(source: number, ratePerSecond: number): Promise<OutsideClient> {
    const client = new OutsideClient(
      fork(path.join(import.meta.dirname, 'client.ts'), {execArgv: ['--disable-warning=ExperimentalWarning']}),
    );
    await client.#ask({do: 'write', source, ratePerSecond}, 'writing', 10_000);
    return client;
  }

  /**
   * Kills or stops the source.
   *
   * @param within milliseconds
   * @returns when it was struck (since 1970), and the promise of who accepted the first write and when; null = nobody in time
   */
  async strike(
    wish: Omit<Extract<ToClient, {do: 'strike'}>, 'do'>,
    within: number,
  ): Promise<{at: number; accepted: Promise<Said<'accepted'> | null>}> {
    const accepted = this.#hear('accepted', within).catch(() => null);
    const {at} = await this.#ask({do: 'strike', ...wish}, 'struck', 10_000);
    return {at, accepted};
  }

  /** @returns the promise of who accepted the first write after the source, and the gap in milliseconds; null = nobody in time */
  async follow(successors: readonly number[], within: number): Promise<{moved: Promise<Said<'moved'> | null>}> {
    const moved = this.#hear('moved', within).catch(() => null);
    await this.#ask({do: 'follow', successors}, 'following', 10_000);
    return {moved};
  }

  /** Ends it. @returns what it saw */
  async stop(): Promise<Report> {
    try {
      return await this.#ask({do: 'stop'}, 'report', 20_000);
    } finally {
      this.kill();
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<Is extends FromClient['is']>(message: ToClient, is: Is, within: number): Promise<Said<Is>> {
    const answer = this.#hear(is, within);
    this.#child.send(message);
    return answer;
  }

  #hear<Is extends FromClient['is']>(is: Is, within: number): Promise<Said<Is>> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#child.off('message', hear).off('exit', ended).off('error', failed);
      };
      const hear = (message: FromClient): void => {
        if (message.is !== is) return;
        done();
        resolve(message as Said<Is>);
      };
      const fail = (why: string): void => {
        done();
        reject(new Error(`the writing client ${why}`));
      };
      const ended = (): void => fail('ended by itself');
      const failed = (error: Error): void => fail(`could not be started: ${error.message}`);
      const timer = setTimeout(() => fail(`did not say "${is}" within ${within} ms`), within);
      this.#child.on('message', hear).on('exit', ended).on('error', failed);
    });
  }
}
