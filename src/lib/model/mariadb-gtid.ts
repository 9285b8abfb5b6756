import {isCode, OrchestratorError} from '../errors/errors.ts';

/** `domain-server-sequence`: transaction `sequence` of a domain, first written on the server with that id. */
export interface MariadbGtid {
  readonly domain: number;
  readonly server: number;
  readonly sequence: number;
}

/** One position a domain, as in `@@gtid_slave_pos`, `@@gtid_current_pos`, `@@gtid_binlog_pos` and `Gtid_IO_Pos`. */
export type MariadbPosition = ReadonlyMap<number, MariadbGtid>;

/** `unknown`: the pair of domain and server is missing on the other side, which proves nothing either way. */
export type Containment = 'yes' | 'no' | 'unknown';

export function mariadbGtidText({domain, server, sequence}: MariadbGtid): string {
  return `${domain}-${server}-${sequence}`;
}

/**
 * Reads a list such as `0-1-100,1-2-5`, in the order written; white space does not matter, empty parts are skipped.
 *
 * @throws OrchestratorError INPUT_INVALID naming the part that is not three numbers, or a number above 2^53 - 1
 * @see https://mariadb.com/kb/en/gtid/
 */
export function parseMariadbGtids(text: string): readonly MariadbGtid[] {
  const parts = text.replace(/\s+/g, '').split(',');
  return parts.filter((part) => part !== '').map(parseOne);
}

/** @throws OrchestratorError INPUT_INVALID as `parseMariadbGtids`, and for a domain named twice: then it is a binlog state */
export function parseMariadbPosition(text: string): MariadbPosition {
  const position = new Map<number, MariadbGtid>();
  for (const gtid of parseMariadbGtids(text)) {
    if (position.has(gtid.domain)) throw invalid(text, `domain ${gtid.domain} is named twice`);
    position.set(gtid.domain, gtid);
  }
  return position;
}

/** As `parseMariadbPosition`, but null for what cannot be read. */
export function readMariadbPosition(text: string): MariadbPosition | null {
  return readable(() => parseMariadbPosition(text));
}

/**
 * What a server has in its binary logs, past and present: for each pair of domain and server id the highest sequence written.
 * `@@gtid_binlog_state`. Unlike a position it shows branches: a transaction written beside the main line has a pair of its own.
 */
export class BinlogState {
  static readonly empty = new BinlogState([]);
  readonly #highest: ReadonlyMap<string, MariadbGtid>;

  private constructor(gtids: readonly MariadbGtid[]) {
    const highest = new Map<string, MariadbGtid>();
    for (const gtid of gtids) {
      if (gtid.sequence > (highest.get(pairOf(gtid))?.sequence ?? -1)) highest.set(pairOf(gtid), gtid);
    }
    this.#highest = highest;
  }

  /** @throws OrchestratorError INPUT_INVALID as `parseMariadbGtids` */
  static parse(text: string): BinlogState {
    return new BinlogState(parseMariadbGtids(text));
  }

  /** As `parse`, but null for what cannot be read. */
  static read(text: string): BinlogState | null {
    return readable(() => BinlogState.parse(text));
  }

  get isEmpty(): boolean {
    return this.#highest.size === 0;
  }

  /** The highest of each pair. */
  gtids(): readonly MariadbGtid[] {
    return [...this.#highest.values()];
  }

  highestOf(domain: number, server: number): number | undefined {
    return this.#highest.get(pairOf({domain, server}))?.sequence;
  }

  contains(gtid: MariadbGtid): Containment {
    const highest = this.highestOf(gtid.domain, gtid.server);
    return highest === undefined ? 'unknown' : highest >= gtid.sequence ? 'yes' : 'no';
  }

  /** `no` when one pair certainly is not contained, else `unknown` when one pair is missing, else `yes`. */
  containsAll(other: BinlogState): Containment {
    const answers = other.gtids().map((gtid) => this.contains(gtid));
    return answers.includes('no') ? 'no' : answers.includes('unknown') ? 'unknown' : 'yes';
  }
}

export interface Strangers {
  /** Certainly beside the main line: the other side knows the pair and stands lower. */
  readonly errant: readonly MariadbGtid[];
  /** The other side does not know the pair at all: its logs may have been reset, or it never saw it. Not clean. */
  readonly unknown: readonly MariadbGtid[];
}

/**
 * What `ours` wrote to its binary logs and `theirs` did not.
 *
 * @param expected ids of the servers whose transactions ours may well have before theirs was last read: theirs and its sources
 */
export function strangersIn(ours: BinlogState, theirs: BinlogState, expected: readonly number[]): Strangers {
  const doubtful = ours.gtids().filter((gtid) => !expected.includes(gtid.server));
  return {
    errant: doubtful.filter((gtid) => theirs.contains(gtid) === 'no'),
    unknown: doubtful.filter((gtid) => theirs.contains(gtid) === 'unknown'),
  };
}

/**
 * How far two servers came in the same stream, by the sequence in each domain; a domain without position counts as 0.
 *
 * Only meaningful for positions in one source's stream: a branch with higher numbers looks ahead (`BinlogState` tells).
 *
 * @returns `diverged` when each is ahead somewhere, or one sequence came from different servers
 */
export function comparePositions(a: MariadbPosition, b: MariadbPosition): 'same' | 'ahead' | 'behind' | 'diverged' {
  const domains = [...new Set([...a.keys(), ...b.keys()])];
  const pairs = domains.map((domain) => [a.get(domain), b.get(domain)] as const);
  if (pairs.some(([x, y]) => x && y && x.sequence === y.sequence && x.server !== y.server)) return 'diverged';
  const ahead = pairs.some(([x, y]) => (x?.sequence ?? 0) > (y?.sequence ?? 0));
  const behind = pairs.some(([x, y]) => (x?.sequence ?? 0) < (y?.sequence ?? 0));
  return ahead && behind ? 'diverged' : ahead ? 'ahead' : behind ? 'behind' : 'same';
}

function pairOf({domain, server}: Pick<MariadbGtid, 'domain' | 'server'>): string {
  return `${domain}-${server}`;
}

function parseOne(part: string): MariadbGtid {
  const match = /^(\d+)-(\d+)-(\d+)$/.exec(part);
  const [domain, server, sequence] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])];
  if (!match || sequence > Number.MAX_SAFE_INTEGER) throw invalid(part, 'expected domain-server-sequence');
  return {domain, server, sequence};
}

function readable<Value>(parse: () => Value): Value | null {
  try {
    return parse();
  } catch (error) {
    if (isCode(error, 'INPUT_INVALID')) return null;
    throw error;
  }
}

function invalid(text: string, why: string): OrchestratorError {
  return new OrchestratorError('INPUT_INVALID', `MariaDB GTID ${JSON.stringify(text)} cannot be read: ${why}`);
}
