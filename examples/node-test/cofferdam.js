// Running an application under cofferdam from a test: no dependency, copy it and change it.
//
//   const app = run([process.execPath, "shop.js"], { policy: "node" });
//   const [, port] = await app.waitFor(/listening on (\d+)/);
//   ...
//   await app.stop();
//   assert.deepEqual(app.findings(), []);
//
// The binary is COFFERDAM, or the `cofferdam` on the PATH.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

class App {
  constructor(command, { policy, policyText, ...options }) {
    this.files = fs.mkdtempSync(path.join(os.tmpdir(), "cofferdam-"));
    this.records = [];
    this.waiting = new Set();
    this.said = "";
    // Descriptor 3 is a pipe. Its other end is the life of the run: when this process is gone, however that happens, all
    // of it is.
    const own = ["--format", "json", "--parent-pipe", "3", "--report", this.path("report"), "--events", this.path("events")];
    if (policy) own.push("--policy", policy);
    if (policyText) own.push("--policy-text", policyText);
    this.child = spawn(process.env.COFFERDAM ?? "cofferdam", ["run", ...own, "--", ...command], {
      ...options,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    this.child.stderr.on("data", (bytes) => (this.said += bytes));
    readline.createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.records.push(JSON.parse(line));
      for (const look of this.waiting) look();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", (error) => {
        this.said = error.message;
        this.exitCode = null;
        for (const look of this.waiting) look();
        reject(error);
      });
      this.child.on("close", (code) => {
        this.exitCode = code;
        for (const look of this.waiting) look();
        resolve();
      });
    });
    this.ended.catch(() => {}); // told to whoever waits
  }

  path(name) {
    return path.join(this.files, name);
  }

  // The match of the first record whose message fits. Rejects when the app ends or the time is over.
  waitFor(pattern, milliseconds = 10_000) {
    return new Promise((resolve, reject) => {
      const settle = (act, value) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        act(value);
      };
      const timer = setTimeout(() => {
        settle(reject, new Error(`no ${pattern} within ${milliseconds} ms; there was: ${this.messages().join(" | ")}`));
      }, milliseconds);
      const look = () => {
        const found = this.messages().map((message) => message.match(pattern)).find(Boolean);
        if (found) return settle(resolve, found);
        if (this.exitCode !== undefined) settle(reject, new Error(`the app ended without ${pattern}: ${this.said.trim()}`));
      };
      this.waiting.add(look);
      look();
    });
  }

  // Ends the app as production does (SIGTERM, a grace) and reads what it left.
  async stop() {
    this.child.kill("SIGTERM");
    return this.finish();
  }

  // Waits for the end by itself and reads what it left.
  async finish() {
    await this.ended;
    // Without a report nothing ran: an invalid policy, or a rule that can't be enforced here. Never a pass.
    if (!fs.existsSync(this.path("report"))) {
      throw new Error(`cofferdam did not start the app (exit ${this.exitCode}): ${this.said.trim()}`);
    }
    this.report = JSON.parse(fs.readFileSync(this.path("report"), "utf8"));
    this.events = fs.readFileSync(this.path("events"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    fs.rmSync(this.files, { recursive: true });
    return this;
  }

  messages(stream = "stdout") {
    return this.records.filter((record) => record.stream === stream).map((record) => record.message ?? "");
  }

  // Those of these codes or severities, readable as they are in an assertion.
  findings(...what) {
    const wanted = what.length > 0 ? what : ["error", "warning"];
    return this.report.findings
      .filter((finding) => wanted.includes(finding.code) || wanted.includes(finding.severity))
      .map((finding) => `${finding.code} ${finding.message} (by ${lineage(finding)}); fix: ${finding.fix}`);
  }

  // Paths that the app wrote and that are gone.
  lost(pattern) {
    return this.report.lost.map((entry) => entry.path).filter((file) => pattern.test(file));
  }

  // "program -> destination" of those that were `allowed` or `refused`.
  connections(verdict) {
    return this.report.connections
      .filter((entry) => entry.verdict === verdict)
      .map((entry) => `${entry.process?.lineage[0] ?? "unknown"} -> ${entry.destination}`);
  }
}

function lineage(entry) {
  return entry.process?.lineage.join(" <- ") ?? "unknown";
}

exports.run = (command, options = {}) => new App(command, options);
