// The interfaces of 3GPP as a third party reads them: `openapi-backend` validates every message against the OpenAPI files.
import addFormats from 'ajv-formats';
import * as yaml from 'js-yaml';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { OpenAPIBackend } from 'openapi-backend';

/** The OpenAPI files of 3GPP are not ours to hand on; they are beside the project or where the variable says. */
const folder =
  process.env.MINGBAI_3GPP_SPECS ?? fileURLToPath(new URL('../../../shared/specs/3gpp', import.meta.url));

/**
 * The file with all that its operations refer to, in one document. Only what is reached is read: some of the files refer
 * to others that are not there, or do not parse.
 */
function bundle(name) {
  const files = new Map();
  const components = {};
  const load = (file) => {
    if (!files.has(file)) {
      const place = path.join(folder, file);
      files.set(file, existsSync(place) ? yaml.load(readFileSync(place, 'utf8')) : {});
    }
    return files.get(file);
  };
  const visit = (node, file) => {
    if (Array.isArray(node)) return node.map((item) => visit(item, file));
    if (node === null || typeof node !== 'object') return node;
    if (typeof node.$ref !== 'string') {
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value, file)]));
    }
    const [other, pointer] = node.$ref.split('#');
    const target = other || file;
    const [, , kind, key] = pointer.split('/');
    const known = `${path.basename(target, '.yaml')}.${key}`;
    components[kind] ??= {};
    if (!(known in components[kind])) {
      components[kind][known] = {};
      Object.assign(components[kind][known], visit(load(target).components?.[kind]?.[key] ?? {}, target));
    }
    return { $ref: `#/components/${kind}/${known}` };
  };
  const { openapi, info, paths } = load(name);
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      // What is sent to the other side is read as if it were one more path, by its name.
      for (const [callback, addresses] of Object.entries(operation.callbacks ?? {})) {
        [paths[`/${callback}`]] = Object.values(addresses);
      }
      delete operation.callbacks;
    }
  }
  for (const [place, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.responses) operation.operationId = `${method} ${place}`;
    }
  }
  return { openapi, info, paths: visit(paths, name), components };
}

const accepts = { request: () => [], response: () => [] };

/**
 * A validator of the messages of an interface. Without the specifications it finds nothing wrong, and only what the
 * messages do is tested.
 */
export async function validatorOf(name) {
  if (!existsSync(folder)) return accepts;
  const api = new OpenAPIBackend({
    definition: bundle(name),
    strict: false,
    ajvOpts: { strict: false, allErrors: true },
    customizeAjv: (ajv) => addFormats(ajv),
  });
  await api.init();
  const told = ({ valid, errors }) => (valid ? [] : errors.map((error) => `${error.instancePath} ${error.message}`));
  return {
    /** What is wrong with a request, by the operation, such as `post /chargingdata` or `post /statusNotification`. */
    request(operationId, body) {
      const operation = api.getOperation(operationId);
      const [, place] = operationId.split(' ');
      const target = { method: operation.method, path: place.replace(/\{\w+\}/g, 'x'), headers: {}, body };
      return told(api.validateRequest({ ...target, headers: { 'content-type': 'application/json' } }, operation));
    },
    /** What is wrong with an answer to it. */
    response(operationId, status, body) {
      return told(api.validateResponse(body, api.getOperation(operationId), status));
    },
  };
}
