// Express and Fastify: the same requests, the same answers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import test from 'node:test';
import express from 'express';
import fastify from 'fastify';
import { Guard, Unavailable } from '../src/index.js';
import { guarded } from '../src/express.js';
import latchkey from '../src/fastify.js';
import { Issuer } from './server.js';

async function inExpress(guard) {
  const app = express();
  app.get('/me', guarded(guard), (req, res) => res.send(req.access.sub));
  app.post('/notes', guarded(guard, { scope: 'notes.write' }), (req, res) => res.send('kept'));
  app.get('/open', guarded(guard, { optional: true }), (req, res) => res.send(req.access?.sub ?? 'anonymous'));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, stop: () => { server.closeAllConnections(); server.close(); } };
}

async function inFastify(guard) {
  const app = fastify();
  app.register(latchkey, { guard });
  app.register(async (app) => {
    app.get('/me', { preHandler: app.guarded() }, async (req) => req.access.sub);
    app.post('/notes', { preHandler: app.guarded({ scope: 'notes.write' }) }, async () => 'kept');
    app.get('/open', { preHandler: app.guarded({ optional: true }) }, async (req) => req.access?.sub ?? 'anonymous');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: app.server.address().port, stop: () => app.close() };
}

function call(port, method, path, headers) {
  return new Promise((resolve, reject) => {
    // A list of headers can have one twice.
    const sent = request({ port, host: '127.0.0.1', method, path, agent: false, headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => { body += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, challenge: answer.headers['www-authenticate'], body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

for (const [name, start] of [['express', inExpress], ['fastify', inFastify]]) {
  test(`${name} lets in whom the guard lets in, and tells the others why`, async () => {
    const issuer = await Issuer.start();
    const connecting = Guard.connect({
      issuer: issuer.issuer, audience: 'urn:example:notes', clientId: 'notes', clientSecret: 's', warn: () => {},
    });
    await issuer.bringLive();
    const guard = await connecting;
    const app = await start(guard);
    const bearer = async (changes) => ({ authorization: `Bearer ${await issuer.token(changes)}` });
    const good = await bearer();
    const writer = await bearer({ scope: 'notes.read notes.write' });
    const token = good.authorization.slice(7);
    const host = ['host', '127.0.0.1'];
    for (const [method, path, headers, status, told] of [
      ['GET', '/me', good, 200, 'alice'],
      ['GET', '/me', {}, 401, 'Bearer realm="urn:example:notes"'],
      ['GET', '/me', { authorization: `Bearer ${token}x` }, 401, 'invalid_token'],
      ['GET', '/me', { authorization: 'Basic YTpi' }, 401, 'invalid_token'],
      ['GET', '/me', [...host, 'authorization', good.authorization, 'authorization', good.authorization], 400, 'invalid_request'],
      ['GET', `/me?access_token=${token}`, good, 400, 'invalid_request'],
      ['POST', '/notes', good, 403, 'scope="notes.write"'],
      ['POST', '/notes', writer, 200, 'kept'],
      ['GET', '/open', {}, 200, 'anonymous'],
      ['GET', '/open', good, 200, 'alice'],
      ['GET', '/open', { authorization: 'Bearer x' }, 401, 'invalid_token'],
    ]) {
      const answer = await call(app.port, method, path, headers);
      const all = `${answer.status} ${answer.challenge ?? ''} ${answer.body}`;
      assert.equal(answer.status, status, `${method} ${path}: ${all}`);
      assert.ok(all.includes(told), `${method} ${path}: ${all}`);
    }
    await app.stop();
    guard.close();
    issuer.stop();
  });
}

for (const [name, start] of [['express', inExpress], ['fastify', inFastify]]) {
  test(`${name} tells a sender nothing of addresses when nobody can be asked`, async () => {
    const app = await start({ admit: async () => { throw new Unavailable('connect ECONNREFUSED 10.0.0.3:8081'); } });
    const answer = await call(app.port, 'GET', '/me', {});
    assert.equal(answer.status, 503);
    assert.ok(answer.body.includes('temporarily_unavailable') && !answer.body.includes('10.0.0.3'), answer.body);
    await app.stop();
  });
}
