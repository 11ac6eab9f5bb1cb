// The shop as production would have it: node --test examples/node-test
const { test } = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { run } = require("./cofferdam.js");

// Starts the shop, gives `use` a way to visit it, and returns it with its report when it has ended.
async function withShop(use) {
  const database = net.createServer((socket) => socket.on("error", () => {}));
  await new Promise((resolve) => database.listen(0, "127.0.0.1", resolve));
  const port = database.address().port;
  const policyText = `
    database: {ports: [${port}]}
    environment: {set: {DB_PORT: "${port}"}}
  `;
  const app = run([process.execPath, "shop.js"], { policy: "node", policyText, cwd: __dirname });
  try {
    const [, shop] = await app.waitFor(/listening on (\d+)/);
    await use(async (page) => (await fetch(`http://127.0.0.1:${shop}${page}`)).text());
  } finally {
    await app.stop();
    database.close();
  }
  return { app, port };
}

test("the app itself may use the database", async () => {
  const { app, port } = await withShop(async (visit) => assert.equal(await visit("/health"), "ok"));
  assert.deepEqual(app.connections("allowed"), [`shop.js -> 127.0.0.1:${port}`]);
  assert.deepEqual(app.findings(), []);
});

test("a script of the app may not", async () => {
  const { app, port } = await withShop(async (visit) => assert.equal(await visit("/backup"), "failed"));
  assert.deepEqual(app.connections("refused"), [`node -> 127.0.0.1:${port}`]);
  assert.match(app.findings("CD201")[0], /fix: /);
});

test("an upload beside the code is lost", async () => {
  const { app } = await withShop(async (visit) => assert.equal(await visit("/upload"), "stored"));
  assert.deepEqual(app.lost(/\/uploads\/.*\.png$/), [path.join(__dirname, "uploads/photo.png")]);
  assert.ok(!fs.existsSync(path.join(__dirname, "uploads")));
});

test("events have no holes", async () => {
  const { app } = await withShop((visit) => visit("/health"));
  assert.deepEqual(app.events.map((event) => event.seq), app.events.map((_, index) => index + 1));
  assert.equal(app.events.at(-1).event, "exited");
});

test("a policy with a mistake is no pass", async () => {
  const app = run(["true"], { policyText: "network: {egres: deny}" });
  await assert.rejects(app.finish(), /unknown key 'egres'[^]*did you mean 'egress'/);
});
