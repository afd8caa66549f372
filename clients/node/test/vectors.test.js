// The vectors that every receiver reads: tests/vectors/feed/README.md.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Guard } from '../src/index.js';
import { Issuer, until } from './server.js';

const folder = process.env.LATCHKEY_VECTORS ?? new URL('../../../tests/vectors/feed', import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are vectors', () => assert.ok(files.length >= 8, String(files)));

for (const file of files) {
  test(`vector ${file}`, { timeout: 30_000 }, async () => {
    const vector = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const server = await Issuer.start({ issuer: vector.issuer, jwks: vector.jwks });
    // The issuer's name is the vector's, its addresses are ours.
    const redirected = (url, options) => fetch(String(url).replace(vector.issuer, server.url), options);
    server.changes = {
      jwks_uri: `${vector.issuer}/jwks`, revocation_feed_endpoint: `${vector.issuer}/revocations`,
      introspection_endpoint: `${vector.issuer}/introspect`,
    };
    let guard;
    const connecting = connectTo(vector, redirected, server).then((connected) => { guard = connected; });
    const revocations = () => server.guard.revocations;
    for (const [index, { last_event_id: resumes, messages }] of vector.connections.entries()) {
      const connection = await server.connection();
      assert.equal(connection.headers['last-event-id'] ?? null, resumes, `connection ${index}`);
      for (const { event, data, payload, then } of messages) {
        const before = server.guard.alive;
        connection.send(event, data);
        if (then === 'live') await until('it is live', () => server.guard.alive > before);
        if (then === 'broken') {
          await connection.closed;
          await until('it is not live', () => revocations().state !== 'live');
        }
        if (then === 'waiting') assert.equal(server.guard.alive, before, JSON.stringify(payload));
      }
      if (index + 1 < vector.connections.length) connection.end();
    }
    await connecting;
    for (const { token, claims, refused } of vector.tokens) {
      const judged = await guard.verify(token).then(() => false, (error) => error.status === 401);
      assert.equal(judged, refused, JSON.stringify(claims));
    }
    guard.close();
    server.stop();
  });
}

/** Connects, and lets the test look inside before the first snapshot is complete. */
async function connectTo(vector, fetch, server) {
  const guard = new Guard({
    issuer: vector.issuer, audience: vector.audience, clientId: vector.client_id, clientSecret: 's:e c',
    now: () => vector.now * 1000, random: () => 0, patience: 30_000, silence: 15_000, fetch, warn: () => {},
  });
  server.guard = { revocations: guard.revocations, alive: 0 };
  const alive = guard.revocations.alive.bind(guard.revocations);
  guard.revocations.alive = () => { alive(); server.guard.alive += 1; };
  return guard.start().then(() => guard);
}
