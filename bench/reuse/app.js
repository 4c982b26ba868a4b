// The service that is measured: a small shop on Express with the kinds of work that services do, and
// one hole. Arguments: port, directory for its data. NODE_PATH says which Express.
'use strict';
const crypto = require('crypto');
const express = require('express');
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');

const [port, data] = process.argv.slice(2);
const app = express();
app.use(express.json());

app.get('/', (request, response) => response.send('<h1>shop</h1>'));
app.use('/static', express.static(path.join(data, 'static')));

app.post('/items', (request, response, next) => {
  const id = crypto.randomBytes(2).toString('hex');
  fs.writeFile(path.join(data, 'items', id), JSON.stringify(request.body), (error) =>
    error ? next(error) : response.json({ id }));
});

app.get('/items', (request, response, next) =>
  fs.readdir(path.join(data, 'items'), (error, names) =>
    error ? next(error) : response.json(names.slice(0, 50))));

app.get('/items/:id', (request, response) =>
  fs.readFile(path.join(data, 'items', path.basename(request.params.id)), (error, text) =>
    error ? response.sendStatus(404) : response.type('json').send(text)));

app.get('/digest', (request, response, next) =>
  crypto.pbkdf2(request.query.word || '', 'salt', 1000, 32, 'sha256', (error, key) =>
    error ? next(error) : response.send(key.toString('hex'))));

app.get('/packed', (request, response, next) =>
  zlib.gzip('shop '.repeat(20000), (error, bytes) =>
    error ? next(error) : response.send(bytes)));

// The hole: a calculator that evaluates what it is given.
app.get('/calc', (request, response) => response.send(String(eval(request.query.e))));

app.listen(Number(port), '127.0.0.1', () =>
  fs.writeFileSync(path.join(data, 'pid'), String(process.pid)));
