import {createServer, type Server, type Socket} from 'node:net';
import {once} from 'node:events';
import {afterEach, describe, expect, test} from 'vitest';
import {defaultDraft} from '../../../src/lib/config/draft.ts';
import {OrchestratorError} from '../../../src/lib/errors/errors.ts';
import {createServers} from '../../../src/lib/servers/create-servers.ts';
import {classifyFailure, connectFailed, errnoOf, reduce, statementFailed} from '../../../src/lib/servers/failure.ts';

const key = {host: 'db1', port: 3306};

/** As the driver, Node and the operating system throw them. */
const failure = (parts: {sql?: string; code?: string; errno?: number; message?: string; errors?: readonly Error[]}) =>
  Object.assign(new Error(parts.message ?? 'it failed'), parts);

describe('what a failed connection says of a server', () => {
  test.each([
    {error: {code: 'ECONNREFUSED', errno: -111}, reach: 'refused'},
    {error: {code: 'ETIMEDOUT'}, reach: 'silent'},
    {error: {code: 'ECONNRESET', errno: -104}, reach: 'lost'},
    {error: {code: 'PROTOCOL_CONNECTION_LOST'}, reach: 'lost'},
    {error: {code: 'EPIPE'}, reach: 'lost'},
    {error: {code: 'EHOSTUNREACH', errno: -113}, reach: 'unroutable'},
    {error: {code: 'ENETUNREACH'}, reach: 'unroutable'},
    {error: {code: 'ENOTFOUND', errno: -3008}, reach: 'unresolved'},
    {error: {code: 'EAI_AGAIN'}, reach: 'unresolved'},
    {error: {code: 'EMFILE', errno: -24}, reach: 'never-tried'},
    {error: {code: 'EADDRNOTAVAIL'}, reach: 'never-tried'},
    {error: {code: 'CLOSED_BY_US'}, reach: 'never-tried'},
  ])('$error.code is $reach', ({error, reach}) => {
    expect(classifyFailure(connectFailed(key, reduce(failure(error), false)))).toMatchObject({reach, errno: 0});
  });

  test.each([1040, 1044, 1045, 1053, 1129, 1130, 1203, 1226, 3032, 3118, 3159])('the number %i is alive', (errno) => {
    const error = connectFailed(key, reduce(failure({code: 'ER_SOMETHING', errno}), true));
    expect(classifyFailure(error)).toMatchObject({reach: 'alive', errno});
    expect(errnoOf(error)).toBe(errno);
  });

  test.each([
    'ECONNRESET',
    'ETIMEDOUT',
    'PROTOCOL_CONNECTION_LOST',
    'HANDSHAKE_SSL_ERROR',
    'HANDSHAKE_NO_SSL_SUPPORT',
    'AUTH_SWITCH_PLUGIN_ERROR',
  ])('once it had said anything, %s is alive', (code) => {
    expect(classifyFailure(connectFailed(key, reduce(failure({code}), true)))).toMatchObject({reach: 'alive', errno: 0});
  });

  test.each([
    {codes: ['ECONNREFUSED', 'ETIMEDOUT'], reach: 'silent'},
    {codes: ['ECONNREFUSED', 'ENETUNREACH'], reach: 'unroutable'},
    {codes: ['ECONNREFUSED', 'ECONNREFUSED'], reach: 'refused'},
  ])('of several addresses that failed with $codes the least certain counts', ({codes, reach}) => {
    const error = failure({code: codes[0]!, errors: codes.map((code) => failure({code}))});
    expect(classifyFailure(connectFailed(key, reduce(error, false)))).toMatchObject({reach});
  });

  test('an error that is not about a server says nothing about it', () => {
    expect(classifyFailure(new OrchestratorError('CONFIG_UNREADABLE', 'no such file'))).toMatchObject({reach: 'never-tried'});
    expect(classifyFailure(new TypeError('a bug'))).toMatchObject({reach: 'never-tried'});
  });
});

test.each([
  {errno: 1045, make: connectFailed, code: 'SERVER_ACCESS_DENIED'},
  {errno: 1040, make: connectFailed, code: 'SERVER_UNREACHABLE'},
  {errno: 1142, make: statementFailed, code: 'SERVER_ACCESS_DENIED'},
  {errno: 1227, make: statementFailed, code: 'SERVER_ACCESS_DENIED'},
  {errno: 1064, make: statementFailed, code: 'SERVER_STATEMENT_FAILED'},
])('$errno becomes $code', ({errno, make, code}) => {
  const error = make(key, reduce(failure({code: 'ER_X', errno, message: 'said the server'}), true));
  expect(error).toMatchObject({code, message: expect.stringMatching(`db1:3306.*${errno}.*said the server`)});
});

test('nothing of the driver’s own error is kept: it carries the statement', () => {
  const error = statementFailed(key, reduce(failure({code: 'ER_X', errno: 1064, sql: "SET PASSWORD = 'hunter2'"}), true));
  expect(JSON.stringify([error, error.cause, Object.keys(error.cause as object)])).not.toContain('hunter2');
});

describe('a listener that is no server', () => {
  const sockets = new Set<Socket>();
  let listener: Server | undefined;
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    listener?.close();
  });

  /** The first packet of MariaDB 10.11, up to where a client answers. */
  const GREETING = Buffer.from(
    '6a0000000a352e352e352d31302e31312e31382d4d6172696144422d6c6f670010000000' +
      '4a2f5a6d3a5b4e7a00fef72d0200ffc115000000000000' +
      '1d000000' +
      '233d5f2f71594a2a57367b3d00' +
      '6d7973716c5f6e61746976655f70617373776f726400',
    'hex',
  );

  test.each([
    {what: 'accepts and is silent', act: () => undefined, reach: 'silent'},
    {what: 'accepts and hangs up', act: (socket: Socket) => socket.destroy(), reach: 'lost'},
    {what: 'greets and is silent', act: (socket: Socket) => socket.write(GREETING), reach: 'alive'},
    {what: 'greets and hangs up', act: (socket: Socket) => socket.end(GREETING), reach: 'alive'},
    {what: 'speaks another protocol', act: (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), reach: 'alive'},
  ])('that $what: $reach', async ({act, reach}) => {
    listener = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      act(socket);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const {port} = listener.address() as {port: number};
    const servers = createServers({...defaultDraft().values, MySQLTopologyUser: 'u', MySQLTopologyPassword: 'p'});
    const failed = await servers.connect({host: '127.0.0.1', port}, {timeout: 150}).catch((error: unknown) => error);
    expect(classifyFailure(failed)).toMatchObject({reach, errno: 0});
  });

  test('that closed: refused', async () => {
    listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const {port} = listener.address() as {port: number};
    listener.close();
    await once(listener, 'close');
    const servers = createServers(defaultDraft().values);
    const failed = await servers.connect({host: 'localhost', port}, {timeout: 500}).catch((error: unknown) => error);
    expect(classifyFailure(failed)).toMatchObject({reach: 'refused'});
  });
});
