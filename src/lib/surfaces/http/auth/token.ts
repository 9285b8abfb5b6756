import type {FastifyInstance, FastifyRequest} from 'fastify';
import {messageOf} from '../../../errors/errors.ts';
import {ownerOf, pickUp} from '../../../operations/access/tokens.ts';
import {failed, failedBy, send} from '../answers.ts';
import type {HttpOptions} from '../server.ts';
import type {Visitor} from './visitors.ts';

const COOKIE = 'access-token';
/** Both halves of a token, as the cookie holds them. */
const TOKEN = /(?:^|;\s*)access-token=([\w-]{1,128})(?::|%3A)([\w-]{1,128})(?:;|$)/i;

/** Who holds the token of the cookie; somebody who may only read where there is none in force, or nobody can say. */
export async function tokenVisitor(request: FastifyRequest, {ports, log}: Pick<HttpOptions, 'ports' | 'log'>): Promise<Visitor> {
  const [, open, secret] = TOKEN.exec(request.headers.cookie ?? '') ?? [];
  if (open === undefined || secret === undefined) return {user: '', mayChange: false};
  try {
    const owner = await ownerOf(ports, {public: open, secret});
    return {user: owner ?? '', mayChange: owner !== null};
  } catch (error) {
    log('warn', `an access token could not be checked, so its holder may only read: ${messageOf(error)}`);
    return {user: '', mayChange: false};
  }
}

/** `/web/access-token?publicToken=TOKEN` logs in: it gives the secret half, once, as a cookie. */
export function registerTokenRoute(app: FastifyInstance, options: HttpOptions): void {
  const {config} = options;
  const secure = config.UseSSL && config.ListenSocket === '' ? '; Secure' : '';
  app.get<{Querystring: {publicToken?: unknown}}>(
    `${config.URLPrefix}/web/access-token`,
    {config: {access: 'open'}, exposeHeadRoute: false},
    async (request, reply) => {
      try {
        const {publicToken: open} = request.query;
        const token = typeof open === 'string' && /^[\w-]{1,128}$/.test(open) ? await pickUp(options.ports, open) : null;
        if (token === null) return await send(reply, {...failed({message: 'Cannot acquire token', details: null}), status: 200});
        const cookie = `${COOKIE}=${token.public}:${token.secret}; Path=/; HttpOnly; SameSite=Strict${secure}`;
        return await reply.header('Set-Cookie', cookie).header('Cache-Control', 'no-store').redirect(`${config.URLPrefix}/`);
      } catch (error) {
        return send(reply, failedBy(error, options));
      }
    },
  );
}
