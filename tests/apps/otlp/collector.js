// An OTLP/HTTP server that decodes with OpenTelemetry's own generated decoder and writes what it got as JSON Lines.
//
//   node collector.js [--tls CERTIFICATE KEY] [--port PORT] [--poison TEXT] [STEP...]
//
// Prints its port on the first line, then one line for each request that came whole:
//   {"at": milliseconds, "step": "ok", "status": 200, "sha256": of the body as it came, "type": "application/x-protobuf",
//    "encoding": "gzip" or "", "headers": {...}, "resource": {...}, "scope": {...}, "records": [...]}
// A record has time, observed, severity, text, body, attributes (values as JavaScript has them; integers of 64 bits are
// strings, bytes are {"base64": ...}), trace, span.
//
// The first requests get the STEPs in turn, the rest `ok`:
//   ok | STATUS[:RETRY-AFTER] | partial:COUNT | reset (in the middle of the body) | hang | cut (in the middle of the
//   answer) | slow:BYTES (a second)
// --poison: a request with a record whose body holds TEXT is answered with 400.
// NODE_PATH leads to @opentelemetry/otlp-transformer.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");

const transformer = path.dirname(require.resolve("@opentelemetry/otlp-transformer/package.json"));
const { opentelemetry } = require(path.join(transformer, "build/src/generated/root.js"));
const service = opentelemetry.proto.collector.logs.v1;

const steps = process.argv.slice(2);
const option = (name, count) => {
  const at = steps.indexOf(name);
  return at < 0 ? [] : steps.splice(at, count + 1).slice(1);
};
const tls = option("--tls", 2);
const [port = "0"] = option("--port", 1);
const [poison] = option("--poison", 1);

const hex = (bytes) => (bytes && bytes.length ? Buffer.from(bytes).toString("hex") : "");
const only = (object, keys) => {
  for (const key of Object.keys(object)) {
    if (!keys.includes(key)) throw new Error(`${key} is no key of ${keys[0]}'s message`);
  }
};

// An AnyValue of either form. `bytes` makes Base64 of the form's bytes.
function value(any, bytes) {
  const [kind, ...more] = Object.keys(any).filter((key) => key !== "value" && any[key] !== null && any[key] !== undefined);
  if (more.length) throw new Error(`a value with ${kind} and ${more}`);
  switch (kind) {
    case undefined: return null;
    case "stringValue":
    case "boolValue":
    case "doubleValue": return any[kind];
    case "intValue": return String(any[kind]);
    case "arrayValue": return (any[kind].values || []).map((each) => value(each, bytes));
    case "kvlistValue": return attributes(any[kind].values || [], bytes);
    case "bytesValue": return { base64: bytes(any[kind]) };
    default: throw new Error(`${kind} is no kind of value`);
  }
}
function attributes(list, bytes) {
  const found = {};
  for (const { key, value: any } of list) {
    if (key in found) throw new Error(`the attribute ${key} comes twice`);
    found[key] = value(any, bytes);
  }
  return found;
}

function flatten(request, bytes, id) {
  const [logs, ...more] = request.resourceLogs;
  if (more.length || logs.scopeLogs.length !== 1) throw new Error("one resource and one scope were expected");
  const [{ scope, logRecords }] = logs.scopeLogs;
  if (!logRecords.length) throw new Error("an empty request");
  return {
    resource: attributes(logs.resource.attributes, bytes),
    scope: { name: scope.name, version: scope.version },
    records: logRecords.map((record) => ({
      time: String(record.timeUnixNano), observed: String(record.observedTimeUnixNano),
      severity: record.severityNumber, text: record.severityText, body: value(record.body, bytes),
      attributes: attributes(record.attributes, bytes), trace: id(record.traceId), span: id(record.spanId),
    })),
  };
}

function decode(body, type) {
  if (type === "application/x-protobuf") {
    const decoded = service.ExportLogsServiceRequest.decode(body);
    const plain = service.ExportLogsServiceRequest.toObject(decoded, { longs: String });
    return flatten(plain, (bytes) => Buffer.from(bytes).toString("base64"), hex);
  }
  if (type !== "application/json") throw new Error(`unknown type ${type}`);
  const parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  only(parsed, ["resourceLogs"]);
  for (const record of parsed.resourceLogs[0].scopeLogs[0].logRecords) {
    only(record, ["timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "body", "attributes",
                  "traceId", "spanId"]);
    if (typeof record.timeUnixNano !== "string" || typeof record.severityNumber !== "number") throw new Error("types");
  }
  return flatten(parsed, (text) => text, (id) => id || "");
}

function partial(type, count) {
  const answer = { partialSuccess: { rejectedLogRecords: count, errorMessage: "the collector's limit" } };
  return type === "application/json"
    ? Buffer.from(JSON.stringify({ partialSuccess: { ...answer.partialSuccess, rejectedLogRecords: String(count) } }))
    : service.ExportLogsServiceResponse.encode(answer).finish();
}

const waiting = [...steps];
function handle(request, response) {
  const step = waiting.shift() || "ok";
  const [kind, argument] = step.split(":");
  if (kind === "reset") {
    request.once("data", () => request.socket.resetAndDestroy());
    return;
  }
  if (kind === "slow") throttle(request, Number(argument));
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const type = request.headers["content-type"];
    const encoding = request.headers["content-encoding"] || "";
    const sent = Buffer.concat(chunks);
    const line = { at: Date.now(), step, sha256: crypto.createHash("sha256").update(sent).digest("hex"), type, encoding,
                   headers: request.headers };
    let status = /^\d+$/.test(kind) ? Number(kind) : 200;
    let body = Buffer.alloc(0);
    try {
      if (request.method !== "POST" || request.url !== "/v1/logs") throw new Error(`${request.method} ${request.url}`);
      Object.assign(line, decode(encoding === "gzip" ? zlib.gunzipSync(sent) : sent, type));
    } catch (error) {
      line.error = String(error);
      status = 400;
    }
    if (poison && line.records && line.records.some((record) => String(record.body).includes(poison))) {
      status = 400;
    }
    line.status = status;
    if (kind === "partial") body = partial(type, Number(argument));
    fs.writeSync(1, JSON.stringify(line) + "\n");
    if (kind === "hang") return;
    const headers = { "Content-Type": type, "Content-Length": body.length };
    if (/^\d+$/.test(kind) && argument) headers["Retry-After"] = argument;
    if (kind === "cut") headers["Content-Length"] = 100;
    response.writeHead(status, headers);
    if (kind === "cut") response.write("half", () => request.socket.destroy());
    else response.end(body);
  });
}

function throttle(request, bytesPerSecond) {
  request.on("data", (chunk) => {
    request.pause();
    setTimeout(() => request.resume(), (chunk.length / bytesPerSecond) * 1000);
  });
}

const server = tls.length
  ? require("https").createServer({ cert: fs.readFileSync(tls[0]), key: fs.readFileSync(tls[1]) }, handle)
  : require("http").createServer(handle);
server.listen(Number(port), "127.0.0.1", () => fs.writeSync(1, JSON.stringify({ port: server.address().port }) + "\n"));
