import type {FastifyReply} from 'fastify';
import {jsonText, type Json} from '../legacy-json/values.ts';

const JSON_TYPE = 'application/json; charset=UTF-8';

export interface Envelope {
  readonly message: string;
  readonly details: Json;
}

/** Bare JSON. */
export function sendJson(reply: FastifyReply, value: Json, status = 200): FastifyReply {
  return reply.code(status).type(JSON_TYPE).send(jsonText(value));
}

export function sendOk(reply: FastifyReply, {message, details}: Envelope): FastifyReply {
  return sendJson(reply, {Code: 'OK', Message: message, Details: details});
}

/** Every failure of a legacy route is an envelope with status 500, bad input and missing permission included. */
export function sendError(reply: FastifyReply, {message, details}: Envelope): FastifyReply {
  return sendJson(reply, {Code: 'ERROR', Message: message, Details: details}, 500);
}
