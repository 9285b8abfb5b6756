/** One replica reading from one source. `channel` is '' unless the replica has several sources. */
export interface Edge {
  readonly source: string;
  readonly replica: string;
  readonly channel: string;
}

export interface Shape {
  /** In the order they are first named. */
  readonly names: readonly string[];
  readonly edges: readonly Edge[];
  /** Those that write: who has no source, and of a ring the one named first. */
  readonly writable: ReadonlySet<string>;
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * Reads `a: b c; b: d`: b and c replicate from a, d from b. `a` alone stands for itself; `a: b; b: a` is a ring.
 * A replica named under several sources reads the first on the default channel and each other one on a channel of that source's name.
 * @throws Error of one sentence
 */
export function parseShape(text: string): Shape {
  const names: string[] = [];
  const edges: Edge[] = [];
  for (const part of text
    .split(';')
    .map((piece) => piece.trim())
    .filter(Boolean)) {
    const [source, replicas, ...rest] = part.split(':').map((piece) => piece.trim());
    if (source === undefined || rest.length > 0) throw new Error(`"${part}" is not "source: replica replica".`);
    add(names, source);
    for (const replica of (replicas ?? '').split(/[\s,]+/).filter(Boolean)) {
      add(names, replica);
      if (replica === source) throw new Error(`${source} cannot replicate from itself.`);
      if (edges.some((edge) => edge.source === source && edge.replica === replica))
        throw new Error(`${replica} is named twice under ${source}.`);
      edges.push({source, replica, channel: edges.some((edge) => edge.replica === replica) ? source : ''});
    }
  }
  if (names.length === 0) throw new Error(`A topology looks like 'a: b c; b: d'; "${text}" names no server.`);
  return {names, edges, writable: writableOf(names, edges)};
}

function add(names: string[], name: string): void {
  if (!NAME.test(name)) throw new Error(`"${name}" is not a server name: letters, digits, - and _, beginning with a letter.`);
  if (!names.includes(name)) names.push(name);
}

/** Walks up from each server: who is reached without a source writes; a walk that comes back has found a ring. */
function writableOf(names: readonly string[], edges: readonly Edge[]): Set<string> {
  const writable = new Set(names.filter((name) => !edges.some((edge) => edge.replica === name)));
  for (const name of names) {
    const above = ancestors(name, edges);
    if (above.has(name) && !names.some((other) => writable.has(other) && (above.has(other) || other === name))) writable.add(name);
  }
  return writable;
}

function ancestors(name: string, edges: readonly Edge[]): Set<string> {
  const found = new Set<string>();
  const ask = [name];
  for (let next = ask.pop(); next !== undefined; next = ask.pop()) {
    for (const edge of edges) {
      if (edge.replica !== next || found.has(edge.source)) continue;
      found.add(edge.source);
      ask.push(edge.source);
    }
  }
  return found;
}
