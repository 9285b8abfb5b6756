import {readFileSync, readdirSync, readlinkSync} from 'node:fs';

const LOOPBACK = '0100007F';
/** The kernel's list changes while it is read, and may lack a connection that is there. */
const LOOKS = 5;

/**
 * Which of these processes has the connection that comes from a port of 127.0.0.1, by what the kernel says: so a wire knows who
 * calls before a byte was said.
 *
 * @param processes names by process id
 * @returns '' when it is none of them
 */
export function peerAt(port: number, processes: ReadonlyMap<number, string>): string {
  for (let look = 0; look < LOOKS; look += 1) {
    const name = ownerOf(port, processes);
    if (name !== null) return name;
  }
  return '';
}

function ownerOf(port: number, processes: ReadonlyMap<number, string>): string | null {
  const inode = inodeOf(port);
  if (inode === null) return null;
  const socket = `socket:[${inode}]`;
  for (const [pid, name] of processes) if (holds(pid, socket)) return name;
  return null;
}

function inodeOf(port: number): string | null {
  const wanted = `${LOOPBACK}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words[1] === wanted && words[9] !== '0') return words[9] ?? null;
  }
  return null;
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === socket);
  } catch (error) {
    return unlessGone(error, false);
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    return unlessGone(error, '');
  }
}

/** Processes and their files end while one looks. */
function unlessGone<Value>(error: unknown, instead: Value): Value {
  if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return instead;
  throw error;
}
