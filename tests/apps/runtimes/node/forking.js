// A queue worker beside the server, as a program of its own.
const { fork } = require('node:child_process');
const { reach } = require('./probe');

reach('parent').then(() => fork('./jobs/mailer.js', ['--queue', 'mail']));
