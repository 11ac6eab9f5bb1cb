// A native program that comes with a package and talks to the database for it, as Prisma's query engine does.
const { spawnSync } = require('node:child_process');

const port = new URL(process.env.DATABASE_URL).port;
const line = `exec 3<>/dev/tcp/127.0.0.1/${port} && echo connected`;
for (const [name, ...words] of [['query-engine-debian-openssl-3.0.x', '-c', line], ['static-engine']]) {
  const engine = spawnSync(`./node_modules/.prisma/client/${name}`, words, { encoding: 'utf8' });
  console.log(`${name} ${engine.stdout.trim() === 'connected' ? 'connected' : 'refused'}`);
}
