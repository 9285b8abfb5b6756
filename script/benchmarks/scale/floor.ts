import {createServer} from 'node:http';

/** Bodies by path. */
export type FloorWish = Readonly<Record<string, string>>;

/** The least that a server in Node can do: the same bytes to everybody. Bodies come as base64; it says its port. */
process.once('message', (wish: FloorWish) => {
  const bodies = new Map(Object.entries(wish).map(([path, text]) => [path, Buffer.from(text, 'base64')]));
  const server = createServer((request, response) => {
    const body = bodies.get(request.url ?? '') ?? Buffer.alloc(0);
    response.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': body.length}).end(body);
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
  process.once('disconnect', () => process.exit());
});
