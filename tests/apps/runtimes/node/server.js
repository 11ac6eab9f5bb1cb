// A server as it is usually written; asks its database before it listens.
const { probe } = require('./probe');
const http = require('node:http');

probe('server').then(() => http.createServer((_, answer) => answer.end('up')).listen(0, '127.0.0.1', () => {
  console.log('server listens');
}));
