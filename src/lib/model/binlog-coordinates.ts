/** A position in a binary log or relay log. Files of one server are ordered by the number they end in. */
export interface BinlogCoordinates {
  readonly file: string;
  readonly position: number;
}

export function coordinatesText(at: BinlogCoordinates): string {
  return `${at.file}:${at.position}`;
}

/** What `coordinatesText` wrote. */
export function coordinatesIn(text: string): BinlogCoordinates {
  const colon = text.lastIndexOf(':');
  return {file: text.slice(0, colon), position: Number(text.slice(colon + 1))};
}

/** Negative when `a` comes before `b`. Only positions of the same server's log compare. */
export function compareCoordinates(a: BinlogCoordinates, b: BinlogCoordinates): number {
  const byFile = fileNumber(a.file) - fileNumber(b.file);
  return byFile === 0 ? a.position - b.position : byFile;
}

export function fileNumber(file: string): number {
  return Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);
}
