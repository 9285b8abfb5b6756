import {createSocket, type Socket} from 'node:dgram';
import {once} from 'node:events';

/** What a name is: the alias it stands for, its IPv4 address, a name that has neither, or one that nobody answers for. Others do not exist. */
export type Zone = Readonly<Record<string, {readonly alias: string} | {readonly address: string} | 'plain' | 'silent' | 'broken'>>;

export interface DnsServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Names asked for, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const A = 1;
const CNAME = 5;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

/** A real name server on loopback that knows aliases and IPv4 addresses, and nothing else. */
export async function dnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const {name, end} = readName(query, 12);
    asked.push(name);
    const entry = zone[name];
    if (entry !== 'silent') socket.send(reply(query.subarray(0, end + 4), entry), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {address: `127.0.0.1:${socket.address().port}`, asked, close: () => closed(socket)};
}

function reply(question: Buffer, entry: Zone[string] | undefined): Buffer {
  const status = entry === undefined ? NO_SUCH_NAME : entry === 'broken' ? SERVER_FAILURE : NO_ERROR;
  const answer = answerTo(question.readUInt16BE(question.length - 4), entry);
  const message = Buffer.concat([question, answer]);
  message.writeUInt16BE(0x8180 | status, 2); // an answer, recursion available
  message.writeUInt16BE(answer.length === 0 ? 0 : 1, 6);
  message.writeUInt32BE(0, 8); // neither authority nor additional records
  return message;
}

function answerTo(type: number, entry: Zone[string] | undefined): Buffer {
  if (typeof entry !== 'object') return Buffer.alloc(0);
  if ('alias' in entry) return record(CNAME, [...entry.alias.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]), 0]);
  return type === A ? record(A, entry.address.split('.').map(Number)) : Buffer.alloc(0);
}

function record(type: number, data: readonly number[]): Buffer {
  return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length, ...data]); // of the name of the question; lives 0 s
}

function readName(query: Buffer, start: number): {name: string; end: number} {
  const labels: string[] = [];
  let at = start;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return {name: labels.join('.').toLowerCase(), end: at + 1};
}

async function closed(socket: Socket): Promise<void> {
  socket.close();
  await once(socket, 'close');
}
