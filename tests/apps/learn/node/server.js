// Counts visits in Redis (its protocol, spoken by hand) and keeps the last answer in a file outside of the project.
const cluster = require("node:cluster");
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const path = require("node:path");

function increment(key) {
  const redis = new URL(process.env.REDIS_URL);
  return new Promise((resolve, reject) => {
    const client = net.connect(redis.port, redis.hostname, () => client.write(`INCR ${key}\r\n`));
    client.on("error", reject);
    client.on("data", (answer) => {
      client.end();
      resolve(Number(answer.toString().slice(1)));
    });
  });
}

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  const stop = () => {
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
} else {
  process.on("SIGINT", () => {});
  http
    .createServer(async (request, response) => {
      try {
        const count = await increment("visits");
        fs.writeFileSync(path.join(process.env.DATA, "last.json"), JSON.stringify({ count }));
        response.end(JSON.stringify({ count, pid: process.pid }));
      } catch (error) {
        response.statusCode = 500;
        response.end(JSON.stringify({ error: String(error) }));
      }
    })
    .listen(Number(process.env.PORT), "127.0.0.1");
}
