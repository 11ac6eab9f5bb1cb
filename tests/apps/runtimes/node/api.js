require('./probe').probe('api').then(() => setInterval(() => {}, 1000));
