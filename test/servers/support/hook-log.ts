import {readFile} from 'node:fs/promises';
import type {Config} from '../../../src/lib/config/keys.ts';

const LISTS = [
  'OnFailureDetectionProcesses',
  'PreGracefulTakeoverProcesses',
  'PreFailoverProcesses',
  'PostMasterFailoverProcesses',
  'PostIntermediateMasterFailoverProcesses',
  'PostFailoverProcesses',
  'PostUnsuccessfulFailoverProcesses',
  'PostReturnedSourceProcesses',
  'PostGracefulTakeoverProcesses',
] as const satisfies readonly (keyof Config)[];

export type HookList = (typeof LISTS)[number];

/** One run of a hook, as the hook itself wrote it down. */
export interface HookRun {
  readonly list: HookList;
  readonly uid: string;
  readonly attempt: number;
  /** As `host:port`; placeholders of an unknown successor stay as they are. */
  readonly failed: string;
  readonly successor: string;
  /** Of what it was told: the code of a finding. */
  readonly type: string;
}

/** Findings that may stand for a moment on the way to another one, longer on a busy machine, and are told then. */
const ON_THE_WAY = /^Unreachable|Hypothesis$/;

/** External programs that write down who ran them, in which order. */
export class HookLog {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Lists of hooks for a configuration; each only writes one line. */
  get settings(): Pick<Config, HookList> {
    return Object.fromEntries(LISTS.map((list) => [list, [this.command(list)]])) as unknown as Pick<Config, HookList>;
  }

  /** The command that writes one line, half by placeholders and half by variables. */
  command(list: HookList): string {
    const words = [
      list,
      '{recoveryUID}',
      '$ORC_RECOVERY_ATTEMPT',
      '$ORC_FAILED_HOST:{failedPort}',
      '{successorHost}:{successorPort}',
      '{failureType}',
    ];
    return `echo "${words.join(' ')}" >> '${this.#file}'`;
  }

  /** In the order in which they ran. */
  async runs(): Promise<readonly HookRun[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return text.split('\n').filter(Boolean).map(readLine);
  }

  /** Only the lists, in the order in which they ran, without what was found on the way. */
  async order(): Promise<readonly HookList[]> {
    return (await this.runs()).filter(({type}) => !ON_THE_WAY.test(type)).map(({list}) => list);
  }
}

function readLine(line: string): HookRun {
  const [list, uid = '', attempt, failed = '', successor = '', type = ''] = line.split(' ');
  return {list: list as HookList, uid, attempt: Number(attempt), failed, successor, type};
}
