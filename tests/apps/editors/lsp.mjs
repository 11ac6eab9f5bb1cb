// Asks the YAML language server, over stdio, what an editor would ask: diagnostics, completion and hover.
//
//   node lsp.mjs SERVER REPOSITORY COFFERDAM
//
// SERVER is node_modules/yaml-language-server/bin/yaml-language-server. COFFERDAM is the binary: what an editor says of
// a policy and what `cofferdam check` says must not differ.
//
// Prints "ok NAME" or "not ok NAME - WHY" a check; exits 1 when one failed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [server, repository, cofferdam] = process.argv.slice(2);
const policies = join(repository, 'policies');
const kPatience = 20_000; // milliseconds for one answer

class Client {
  #child = spawn(process.execPath, [server, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  #received = Buffer.alloc(0);
  #answers = new Map(); // id of a request: who waits
  #verdicts = new Map(); // uri: who waits for its diagnostics
  #next = 1;

  constructor() {
    this.#child.stdout.on('data', (bytes) => this.#read(bytes));
  }

  request(method, params) {
    const id = this.#next++;
    this.#send({ id, method, params });
    return patiently(method, (done) => this.#answers.set(id, done));
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  // The diagnostics of a text, once the server has looked at it.
  open(uri, text) {
    const verdict = patiently(`diagnostics of ${uri}`, (done) => this.#verdicts.set(uri, done));
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } });
    return verdict;
  }

  end() {
    this.#child.kill();
  }

  #send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#child.stdin.write(body);
  }

  #read(bytes) {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#received.subarray(0, end).toString())[1]);
      if (this.#received.length < end + 4 + length) return;
      const body = this.#received.subarray(end + 4, end + 4 + length);
      this.#received = this.#received.subarray(end + 4 + length);
      this.#handle(JSON.parse(body.toString()));
    }
  }

  #handle(message) {
    if (message.method === 'textDocument/publishDiagnostics') {
      this.#verdicts.get(message.params.uri)?.(message.params.diagnostics);
    } else if (message.method !== undefined && message.id !== undefined) {
      // What the server asks: settings, schemas by other ways, capabilities. We have none.
      const result = message.method === 'workspace/configuration' ? message.params.items.map(() => null) : null;
      this.#send({ id: message.id, result });
    } else if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message.error ? Promise.reject(new Error(message.error.message)) : message.result);
    }
  }
}

function patiently(what, start) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${kPatience / 1000} s: ${what}`)), kPatience);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

let failed = false;
async function check(name, body) {
  try {
    await body();
    console.log(`ok apps/editors/${name}`);
  } catch (error) {
    failed = true;
    console.log(`not ok apps/editors/${name} - ${error.message}`);
  }
}

function equal(got, expected, what) {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
  }
}

const linesOf = (diagnostics) => [...new Set(diagnostics.map((each) => each.range.start.line + 1))].sort((a, b) => a - b);
const told = (diagnostics) => diagnostics.map((each) => `${each.range.start.line + 1}: ${each.message}`).join('; ');

const client = new Client();
await client.request('initialize', {
  processId: process.pid,
  rootUri: null,
  capabilities: {
    textDocument: { completion: { completionItem: { documentationFormat: ['markdown'] } }, hover: {} },
    workspace: { configuration: false },
  },
});
client.notify('initialized', {});

const schemas = { policy: 'schema.json', test: 'test-schema.json' };
const schemaLine = (kind) => `# yaml-language-server: $schema=${pathToFileURL(join(policies, schemas[kind]))}\n`;
const kindOf = (name) => (name.endsWith('.test.yaml') ? 'test' : 'policy');
let serial = 0;

// A text of this kind as an editor has it, after the line that names its schema: {uri, diagnostics}, lines counted with
// that line as the first.
async function open(kind, text) {
  const uri = `file:///editor/${++serial}.yaml`;
  return { uri, diagnostics: await client.open(uri, schemaLine(kind) + text) };
}

for (const name of readdirSync(policies).filter((each) => each.endsWith('.yaml'))) {
  await check(`good/${name}`, async () => {
    const { diagnostics } = await open(kindOf(name), readFileSync(join(policies, name), 'utf8'));
    equal(told(diagnostics), '', 'diagnostics');
  });
}

const here = dirname(fileURLToPath(import.meta.url));
await check('good/every_key', async () => {
  const text = readFileSync(join(here, 'every_key.yaml'), 'utf8');
  const { diagnostics } = await open('policy', text);
  equal(told(diagnostics), '', 'diagnostics');
  const keys = [...keysOf(JSON.parse(readFileSync(join(policies, schemas.policy), 'utf8')))];
  equal(linesOfCheck(text), [], 'lines that cofferdam check refuses');
  const absent = keys.filter((key) => !new RegExp(`\\b${key}:`).test(text));
  equal(absent, [], 'keys of the schema that it lacks');
});

// Where `cofferdam check` finds a mistake in a policy of this text.
function linesOfCheck(text) {
  const directory = mkdtempSync(join(tmpdir(), 'editors-'));
  try {
    const file = join(directory, 'p.yaml');
    writeFileSync(file, text);
    const { stdout, stderr } = spawnSync(cofferdam, ['check', file], { encoding: 'utf8', timeout: kPatience });
    const places = (stdout + stderr).matchAll(/p\.yaml:(\d+):\d+: error:/g);
    return [...new Set([...places].map((each) => Number(each[1])))].sort((a, b) => a - b);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// The names of all properties, at any depth.
function* keysOf(schema) {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    yield key;
    yield* keysOf(value);
  }
  for (const inner of [schema.items, ...(schema.oneOf ?? [])]) if (inner) yield* keysOf(inner);
}

const bad = [
  ['a wrong key', 'policy', 'version: 1\nstorge: {}\n', [3]],
  ['a wrong key of a row', 'policy', 'version: 1\nstorage:\n  mounts:\n    - {path: /a, typ: tmpfs}\n', [5]],
  ['a wrong type', 'policy', 'version: 1\nrun:\n  replicas: many\n', [4]],
  ['a wrong word', 'policy', 'version: 1\nnetwork:\n  egress: denied\n', [4]],
  ['a wrong size', 'policy', 'version: 1\nlimits:\n  cpu: 1\n  memory: 2GB\n', [5]],
  ['a list instead of a map', 'policy', 'version: 1\ndatabase: [a]\n', [3]],
  ['several mistakes', 'policy', 'version: 1\nmode: here\nextends: none\naccess:\n  debug: maybe\n', [3, 6]],
  ['a version to come', 'policy', 'version: 2\n', [2]],
  ['a test with a wrong key', 'test', 'version: 1\ncases:\n  - name: a\n    comand: ["true"]\n', [5]],
  ['a test with a wrong status', 'test', 'version: 1\ncases:\n  - name: a\n    command: ["true"]\n    expect: {exit: 300}\n', [6]],
];
for (const [name, kind, text, lines] of bad) {
  await check(`bad/${name.replaceAll(' ', '_')}`, async () => {
    const { diagnostics } = await open(kind, text);
    equal(linesOf(diagnostics), lines, `lines with a mistake (${told(diagnostics)})`);
    if (kind === 'policy') equal(linesOfCheck(schemaLine(kind) + text), lines, 'lines that cofferdam check names');
  });
}

// The labels offered at the end of the text's line, and what each is described with.
async function complete(kind, text, line, character) {
  const { uri } = await open(kind, text);
  const answer = await client.request('textDocument/completion', { textDocument: { uri }, position: { line, character } });
  return answer.items;
}

for (const [name, kind, text, line, character, expected] of [
  ['keys', 'policy', 'version: 1\n\n', 2, 0, ['app', 'database', 'extends', 'limits', 'logs', 'mode', 'network', 'run', 'storage']],
  ['keys of a map', 'policy', 'version: 1\nrun:\n  \n', 3, 2, ['readiness', 'replicas', 'restart', 'stop_grace', 'stop_signal']],
  ['words', 'policy', 'version: 1\nmode: \n', 2, 6, ['auto', 'container', 'local']],
  ['keys of a row', 'policy', 'version: 1\nstorage:\n  mounts:\n    - path: /a\n      \n', 5, 6, ['exec', 'inodes', 'size', 'type', 'watch']],
]) {
  await check(`completion/${name.replaceAll(' ', '_')}`, async () => {
    const items = await complete(kind, text, line, character);
    const labels = items.map((each) => each.label);
    equal(expected.filter((each) => !labels.includes(each)), [], `what is missing of ${labels.join(', ')}`);
  });
}

// Every key of the schema that an editor can show has words to show.
function withoutWords(schema, path = '') {
  const missing = [];
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (!value.description) missing.push(`${path}${key}`);
    missing.push(...withoutWords(value, `${path}${key}.`));
  }
  for (const inner of [schema.items, ...(schema.oneOf ?? [])]) if (inner) missing.push(...withoutWords(inner, path));
  return missing;
}
for (const [kind, file] of Object.entries(schemas)) {
  await check(`hover/each_key_of_a_${kind}`, async () => {
    equal(withoutWords(JSON.parse(readFileSync(join(policies, file), 'utf8'))), [], 'keys without a description');
  });
}
await check('hover/a_key', async () => {
  const { uri } = await open('policy', 'version: 1\nrun:\n  stop_grace: 10s\n');
  const answer = await client.request('textDocument/hover', { textDocument: { uri }, position: { line: 3, character: 5 } });
  const text = answer?.contents?.value ?? '';
  if (!text.includes('How long the app may take to stop')) throw new Error(`hover says: ${JSON.stringify(answer)}`);
});

client.end();
process.exit(failed ? 1 : 0);
