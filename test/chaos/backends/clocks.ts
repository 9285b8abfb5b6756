import {clockOff, type Instance} from '../../sandbox/index.ts';

/** Which servers of a backend were started with a wrong clock. */
export class Clocks {
  readonly #wrong = new Set<Instance>();

  /** Those whose clock is to be set right. */
  get wrong(): readonly Instance[] {
    return [...this.#wrong];
  }

  /** From its next start on; 0: as everybody's. */
  async set(server: Instance, seconds: number): Promise<void> {
    server.environment = seconds === 0 ? {} : await clockOff(seconds);
    if (seconds === 0) this.#wrong.delete(server);
    else this.#wrong.add(server);
  }

  /** @throws Error when its clock is not as it was set: then nothing that follows would show anything */
  async verify(server: Instance, seconds: number): Promise<void> {
    const told = Number(await server.value('SELECT UNIX_TIMESTAMP(now(6))'));
    const off = told - Date.now() / 1000;
    if (Math.abs(off - seconds) > 5) throw new Error(`The clock of ${server.name} is ${Math.round(off)} s off, not ${seconds}.`);
  }
}
