const cluster = require('node:cluster');
const { probe } = require('./probe');

if (cluster.isPrimary) {
  for (let i = 1; i <= 2; i++) cluster.fork({ WORKER: `worker${i}` });
} else {
  probe(process.env.WORKER).then(() => process.disconnect());
}
