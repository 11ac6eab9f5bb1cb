// What every program of this test does: it asks PostgreSQL and Redis itself, then has a tool try the same.
const { spawnSync } = require('node:child_process');

async function reach(who) {
  const { Client } = require('pg');
  const Redis = require('ioredis');
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  const cache = new Redis(process.env.REDIS_URL, { lazyConnect: true, retryStrategy: null });
  cache.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query('select 6 * 7 as answer');
    await client.end();
    console.log(`${who} postgres ${rows[0].answer}`);
  } catch (error) {
    console.log(`${who} postgres ${error.code}`);
  }
  try {
    await cache.connect();
    console.log(`${who} redis ${await cache.echo('41')}`);
    cache.disconnect();
  } catch (error) {
    console.log(`${who} redis refused`);
  }
}

const DIAL = `require('node:net').connect(Number(new URL(process.env.DATABASE_URL).port), '127.0.0.1')
  .on('connect', () => { console.log('connected'); process.exit(); }).on('error', (error) => console.log(error.code))`;

function tools(who) {
  const psql = spawnSync('psql', [process.env.DATABASE_URL, '-Atc', 'select 1'], { encoding: 'utf8' });
  console.log(`${who} psql ${psql.status !== 0 && psql.stderr.includes('Connection refused') ? 'refused' : psql.stdout}`);
  const node = spawnSync(process.execPath, ['-e', DIAL], { encoding: 'utf8' });
  console.log(`${who} node ${node.stdout.trim()}`);
}

async function probe(who) {
  await reach(who);
  tools(who);
}

module.exports = { DIAL, probe, reach, tools };
