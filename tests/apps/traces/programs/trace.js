// Ends, or goes on, with the stack trace named by its argument.
'use strict';
const fs = require('node:fs');

function read() {
  return JSON.parse('{"a": nothing}');
}
function middle() {
  return read();
}
class Refused extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = 'Refused';
    this.status = 503;
    this.details = {host: 'db', tries: [1, 2, 3], nested: {deep: {deeper: true}}};
  }
}

const cases = {
  uncaught: () => middle(),
  string: () => { throw 'only a text'; },
  code: () => fs.readFileSync('/nonexistent/file'),
  cause: () => {
    try { middle(); } catch (error) { throw new Refused('could not', {cause: error}); }
  },
  printed: () => {
    try { cases.cause(); } catch (error) { console.error(error); }
  },
  labelled: () => {
    try { cases.cause(); } catch (error) { console.error('the job failed:', error); }
  },
  plain: () => {
    try { middle(); } catch (error) { console.error(error.stack); }
  },
  aggregate: () => Promise.any([Promise.reject(new Error('one')), Promise.reject(new TypeError('two'))]),
  rejected: () => Promise.reject(new Error('nobody waits')),
  refused: () => require('node:net').connect(1, '127.0.0.1'),
  module: () => require('./missing-module'),
  assertion: () => require('node:assert').deepStrictEqual({a: 1, b: [1, 2]}, {a: 1, b: [1, 3]}),
  emitted: () => new (require('node:events'))().emit('error', new Error('nobody listens')),
  warning: () => { process.emitWarning('old', {code: 'X1', detail: 'some\ndetail'}); },
  traced: () => console.trace('here'),
};
cases[process.argv[2]]();
