// A Fluentd forward server (npm @fluent-org/logger) that writes what it gets as JSON Lines.
//
//   node server.js [--port PORT] [--key SHARED-KEY] [--tls CERTIFICATE KEY]
//
// Prints {"port": N} on the first line, then one line an entry: {"tag": ..., "time": "nanoseconds", "record": {...}}.
// NODE_PATH leads to @fluent-org/logger.
"use strict";
const fs = require("fs");
const { FluentServer, EventTime } = require("@fluent-org/logger");

const option = (name, count) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? [] : process.argv.slice(at + 1, at + 1 + count);
};
const [port = "0"] = option("--port", 1);
const [key] = option("--key", 1);
const [certificate, certificateKey] = option("--tls", 2);

const nanoseconds = (time) =>
  time instanceof EventTime ? String(BigInt(time.epoch) * 1000000000n + BigInt(time.nano)) : `no EventTime: ${time}`;
const plain = (name, value) => (typeof value === "bigint" ? String(value) : value);

const server = new FluentServer({
  listenOptions: { port: Number(port), host: "127.0.0.1" },
  security: key ? { serverHostname: "collector", sharedKey: key, authorize: false, userDict: {} } : undefined,
  tlsOptions: certificate ? { cert: fs.readFileSync(certificate), key: fs.readFileSync(certificateKey) } : undefined,
});
server.on("entry", (tag, time, record) => {
  fs.writeSync(1, JSON.stringify({ tag, time: nanoseconds(time), record }, plain) + "\n");
});
server.listen().then(() => fs.writeSync(1, JSON.stringify({ port: server.port }) + "\n"));
