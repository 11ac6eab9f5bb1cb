// Runs itself once more, as the app may, but with code of somebody else before its own.
const { spawnSync } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const { DIAL, reach } = require('./probe');

const how = process.argv[2];
const evil = '/tmp/evil.js';
const again = (options, environment) => spawnSync(process.execPath, [...options, __filename, how],
  { encoding: 'utf8', env: { ...process.env, SECOND: '1', ...environment } }).stdout;
const WAYS = {
  options: () => again([], { NODE_OPTIONS: `--require ${evil}` }),
  path: () => again([], { NODE_PATH: '/tmp' }),
  require: () => again(['--require', evil], {}),
  preload: () => again([], { LD_PRELOAD: '/tmp/evil.so' }),
  memory: () => again([], { NODE_OPTIONS: ' --max-old-space-size=512' }),  // as Next.js starts its server
  modules: () => again([], { NODE_PATH: `${__dirname}/node_modules/.pnpm/node_modules` }),  // as pnpm's programs
  itself: () => again([], {}),
};

if (process.env.SECOND) {
  eval(DIAL);
} else {
  writeFileSync(evil, DIAL);
  reach('app').then(() => console.log(`again ${WAYS[how]().trim().split('\n').pop()}`));
}
