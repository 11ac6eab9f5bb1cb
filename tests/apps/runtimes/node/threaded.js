const { isMainThread, Worker } = require('node:worker_threads');
const { probe } = require('./probe');

if (isMainThread) new Worker(__filename);
else probe('thread');
