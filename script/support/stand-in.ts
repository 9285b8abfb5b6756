import {createServer, type Server, type Socket} from 'node:net';

/** Capabilities that make a client speak the plain protocol of 4.1: PROTOCOL_41, CONNECT_WITH_DB, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH. */
const CAPABILITIES = 0x0008_a208;
const COM_QUIT = 1;
const COM_QUERY = 3;
const AUTHENTICATION = 'mysql_native_password';
const SALT = 'abcdefghijklmnopqrst';

/**
 * Stands in for a MySQL server while the program is rehearsed: lets everybody in, answers every SELECT with one row that says
 * `1`, and everything else with OK. It only has to lead a client through the code whose compilation is to be kept; no test
 * rests on it.
 */
export async function startStandIn(): Promise<{readonly port: number; readonly server: Server}> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(packet(0, greeting()));
    let greeted = false;
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUIntLE(0, 3)) {
        const length = pending.readUIntLE(0, 3);
        const body = pending.subarray(4, 4 + length);
        pending = pending.subarray(4 + length);
        if (greeted) answer(socket, body);
        else socket.write(packet(2, OK));
        greeted = true;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  return {server, port: typeof address === 'object' && address ? address.port : 0};
}

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const END = Buffer.from([0xfe, 0, 0, 2, 0]);

function answer(socket: Socket, body: Buffer): void {
  if (body[0] === COM_QUIT) {
    socket.end();
  } else if (body[0] === COM_QUERY && /^\s*(\/\*.*?\*\/\s*)?(select|show)/is.test(body.toString('utf8', 1))) {
    const parts = [Buffer.from([1]), column('x'), END, text('1'), END];
    socket.write(Buffer.concat(parts.map((part, index) => packet(index + 1, part))));
  } else {
    socket.write(packet(1, OK));
  }
}

function greeting(): Buffer {
  const capabilities = Buffer.alloc(4);
  capabilities.writeUInt32LE(CAPABILITIES);
  return Buffer.concat([
    Buffer.from([10]),
    zeroEnded('10.11.0-MariaDB'),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from(SALT.slice(0, 8)),
    Buffer.from([0]),
    capabilities.subarray(0, 2),
    Buffer.from([33, 2, 0]),
    capabilities.subarray(2),
    Buffer.from([SALT.length + 1]),
    Buffer.alloc(10),
    zeroEnded(SALT.slice(8)),
    zeroEnded(AUTHENTICATION),
  ]);
}

/** Definition of a text column: catalogue, schema, table and names, then character set, length, type and flags. */
function column(name: string): Buffer {
  const names = ['def', '', '', '', name, name].map(text);
  return Buffer.concat([...names, Buffer.from([0x0c, 33, 0, 255, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0])]);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}

function zeroEnded(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}
