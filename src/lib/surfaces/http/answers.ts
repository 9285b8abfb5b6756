import {promisify} from 'node:util';
import {gzip} from 'node:zlib';
import type {FastifyReply, FastifyRequest} from 'fastify';
import {httpStatuses, messageOf, OrchestratorError} from '../../errors/errors.ts';
import {escapedJson} from '../../config/escaped-json.ts';
import type {Json} from '../legacy-json/values.ts';
import {Prepared} from './prepared.ts';
import type {HttpOptions} from './server.ts';

/** What to send, before it is sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly json: Json | Prepared;
}

export interface Envelope {
  readonly message: string;
  readonly details: Json;
}

/** Bare JSON. */
export function bare(json: Json | Prepared, status = 200): HttpAnswer {
  return {status, json};
}

export function ok({message, details}: Envelope): HttpAnswer {
  return bare({Code: 'OK', Message: message, Details: details});
}

/** Every failure of a legacy route is an envelope with status 500, bad input and missing permission included. */
export function failed({message, details}: Envelope): HttpAnswer {
  return bare({Code: 'ERROR', Message: message, Details: details}, 500);
}

/** A foreseen failure says what it is; anything else is for our log, not for a visitor. */
export function failedBy(error: unknown, {log}: Pick<HttpOptions, 'log'>): HttpAnswer {
  if (error instanceof OrchestratorError) return failed({message: error.message, details: null});
  return failed({message: unforeseen(error, log), details: null});
}

/** A failure on a route of ours: code, sentence and hint, with the status that docs/errors.md gives it. */
export function sorry({code, message, hint}: OrchestratorError): HttpAnswer {
  return bare({code, message, hint: hint ?? null}, httpStatuses[code]);
}

export function sorryFor(error: unknown, {log}: Pick<HttpOptions, 'log'>): HttpAnswer {
  if (error instanceof OrchestratorError) return sorry(error);
  return bare({code: 'INTERNAL', message: unforeseen(error, log), hint: null}, 500);
}

function unforeseen(error: unknown, log: HttpOptions['log']): string {
  log('error', `unexpected: ${error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error)}`);
  return 'internal error; the log of this node has the details';
}

export function send(reply: FastifyReply, {status, json}: HttpAnswer): FastifyReply | Promise<FastifyReply> {
  void reply.code(status).type('application/json; charset=UTF-8');
  return json instanceof Prepared ? sendPrepared(reply, json) : reply.send(escapedJson(json));
}

/** A list says which one it is, so that who has it already is not sent it again. */
async function sendPrepared(reply: FastifyReply, prepared: Prepared): Promise<FastifyReply> {
  const tag = prepared.tag();
  void reply.headers({ETag: tag, 'Cache-Control': 'private, no-cache', Vary: 'Accept-Encoding'});
  if (reply.statusCode === 200 && names(reply.request.headers['if-none-match'], tag))
    return reply.code(304).removeHeader('Content-Type').send();
  if (prepared.plain().length < WORTH_COMPRESSING || !takesGzip(reply.request)) return reply.send(prepared.plain());
  return reply.header('Content-Encoding', 'gzip').send(await prepared.packed());
}

/** Below this a compressed answer is not shorter. */
const WORTH_COMPRESSING = 1400;
const COMPRESSED = {'Content-Encoding': 'gzip', Vary: 'Accept-Encoding'};

function takesGzip({headers}: FastifyRequest): boolean {
  const accepted = headers['accept-encoding'];
  return typeof accepted === 'string' && accepted.split(',').some((one) => TAKES_GZIP.test(one) && !WEIGHS_NOTHING.test(one));
}

const TAKES_GZIP = /^\s*(?:x-)?gzip\s*(?:;|$)/i;
const WEIGHS_NOTHING = /;\s*q=0(?:\.0*)?\s*$/i;

/** A condition lists tags, or `*` for whatever there is; whether they are weak does not matter here. */
function names(condition: string | undefined, tag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, '');
  return condition?.split(',').some((one) => one.trim() === '*' || bare(one) === bare(tag)) ?? false;
}

/** Of fastify, for all that is sent as text. */
export async function compress(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== 'string' || payload.length < WORTH_COMPRESSING || !takesGzip(request)) return payload;
  const packed = await promisify(gzip)(payload);
  void reply.headers({...COMPRESSED, 'Content-Length': packed.length});
  return packed;
}
