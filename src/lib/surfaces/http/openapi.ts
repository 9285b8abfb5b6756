import type {FastifyInstance} from 'fastify';
import {optionsOf, type LegacyRoute, type Operation, type Option} from '../../operations/define.ts';
import type {Json} from '../legacy-json/values.ts';
import {bare, send} from './answers.ts';
import {ourPath} from './our-routes.ts';
import type {HttpOptions} from './server.ts';
import {SERVICE_PATHS, type ServicePath} from './service-paths.ts';

type Object = {readonly [key: string]: Json};

const OWNER: Option = {name: 'owner', value: 'NAME', about: 'who asks, for the record, where nobody has to log in'};
const ERROR = {$ref: '#/components/schemas/Error'};
const ENVELOPE = {$ref: '#/components/schemas/Envelope'};

/** `/api/openapi.json`: what this interface offers, for programs that make clients of it. */
export function registerOpenApi(app: FastifyInstance, {config, operations, ports}: HttpOptions): void {
  const described = openApi(operations, {version: ports.build.version, prefix: config.URLPrefix});
  app.get(`${config.URLPrefix}/api/openapi.json`, {config: {access: 'read'}}, (_request, reply) => send(reply, bare(described)));
}

/** OpenAPI 3.1, from what operations declare of themselves. */
export function openApi(operations: readonly Operation[], about: {readonly version: string; readonly prefix: string}): Json {
  const ours = operations.filter((one) => !one.localOnly).map((one): readonly [string, Object] => [ourPath(one), ourItem(one)]);
  const legacy = operations.flatMap((one) => one.routes.map((route): readonly [string, Object] => [pathOf(route), legacyItem(one, route)]));
  return {
    openapi: '3.1.0',
    info: {
      title: 'orchestrator',
      version: about.version,
      description: 'Finds, shows and recovers MySQL and MariaDB replication topologies.',
    },
    servers: [{url: about.prefix === '' ? '/' : about.prefix}],
    paths: Object.fromEntries([...SERVICE_PATHS.map((one) => [one.path, serviceItem(one)] as const), ...ours, ...legacy]),
    components: {schemas: {Error: errorSchema(), Envelope: envelopeSchema()}},
  };
}

function ourItem(operation: Operation): Object {
  const changes = operation.changes !== 'nothing';
  const options = optionsOf(operation);
  const asked = changes
    ? {requestBody: {content: {'application/json': {schema: bodySchema([...options, OWNER])}}}}
    : {parameters: options.map((option) => ({name: option.name, in: 'query', description: option.about, schema: schemaOf(option)}))};
  const item = {
    operationId: operation.name.replaceAll(' ', '-'),
    summary: operation.about,
    ...(operation.details === undefined ? {} : {description: operation.details}),
    tags: [operation.section],
    ...asked,
    responses: {200: {description: 'Done', content: {'application/json': {}}}, default: answer('Not done', ERROR)},
  };
  return {[changes ? 'post' : 'get']: item};
}

function legacyItem(operation: Operation, route: LegacyRoute<unknown>): Object {
  const inPath = parametersOf(route).map((name) => ({name, in: 'path', required: true, schema: {type: 'string'}}));
  const inQuery = Object.keys(route.query ?? {}).map((name) => ({name, in: 'query', schema: {type: 'string'}}));
  const done = route.reply.message === undefined ? {description: 'Done', content: {'application/json': {}}} : answer('Done', ENVELOPE);
  const item = {
    summary: operation.about,
    tags: ['Version 3'],
    parameters: [...inPath, ...inQuery],
    responses: {200: done, 500: answer('Not done', ENVELOPE)},
  };
  return operation.changes === 'nothing' ? {get: item} : {get: item, post: item};
}

function serviceItem({path, about, type, methods, otherwise = {}}: ServicePath): Object {
  const item = {
    summary: about,
    tags: ['This node'],
    parameters: namesIn(path).map((name) => ({name, in: 'path', required: true, schema: {type: 'string'}})),
    responses: {
      200: {description: 'Done', content: {[type]: {}}},
      ...Object.fromEntries(Object.entries(otherwise).map(([status, description]) => [status, {description}])),
    },
  };
  return Object.fromEntries(methods.map((method) => [method, item]));
}

function namesIn(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
}

function pathOf({path}: LegacyRoute<unknown>): string {
  return `/api/${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}

function parametersOf({path}: LegacyRoute<unknown>): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
}

function schemaOf(option: Option): Object {
  return option.value === null ? {type: 'boolean', default: option.on ?? false} : {type: 'string'};
}

function bodySchema(options: readonly Option[]): Object {
  const properties = options.map((option) => [option.name, {...schemaOf(option), description: option.about}] as const);
  return {type: 'object', properties: Object.fromEntries(properties), additionalProperties: false};
}

function answer(description: string, schema: Object): Object {
  return {description, content: {'application/json': {schema}}};
}

function errorSchema(): Object {
  const text = {type: 'string'};
  return {type: 'object', required: ['code', 'message', 'hint'], properties: {code: text, message: text, hint: {type: ['string', 'null']}}};
}

function envelopeSchema(): Object {
  const properties = {Code: {enum: ['OK', 'ERROR']}, Message: {type: 'string'}, Details: {}};
  return {type: 'object', required: ['Code', 'Message', 'Details'], properties};
}
