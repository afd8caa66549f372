// The receiver against a feed whose connections the test controls.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ConnectError, Guard } from '../src/index.js';
import { basic, pause } from '../src/feed.js';
import { events } from '../src/sse.js';
import { Issuer, signer, until } from './server.js';

const AUDIENCE = 'urn:example:notes';

function options(server, more = {}) {
  return {
    issuer: server.issuer, audience: AUDIENCE, clientId: 'notes', clientSecret: 's:e c', warn: () => {}, patience: 5000,
    ...more,
  };
}

async function connected(more) {
  const server = await Issuer.start(more?.server);
  const connecting = Guard.connect(options(server, more));
  const connection = await server.bringLive();
  const guard = await connecting;
  return { server, guard, connection, stop: () => { guard.close(); server.stop(); } };
}

const refused = (guard, token, how) => guard.verify(token, how).then(() => undefined, (error) => error.status);

test('a revocation on the feed refuses the token', async () => {
  const { server, guard, connection, stop } = await connected();
  assert.equal(connection.headers.authorization, 'Basic bm90ZXM6cyUzQWUrYw=='); // notes:s%3Ae+c
  assert.equal(connection.headers['last-event-id'], undefined);
  const token = await server.token();
  assert.equal((await guard.verify(token)).sub, 'alice');
  const entries = [{ kind: 'token', jti: 'jti-1', until: Math.floor(Date.now() / 1000) + 400 }];
  connection.send('entries', await server.message('entries', { position: 6, prev: 5, entries }));
  await until('it is refused', async () => await refused(guard, token) === 401);
  stop();
});

test('a target of any form is looked through for a token, and no form is an error of ours', async () => {
  const { server, guard, stop } = await connected();
  const authorization = [`Bearer ${await server.token()}`];
  for (const url of ['', '/', '//', '/?', '//?a', '*', 'http://[', '/?x=%', '/a?b=1?access_token=1']) {
    assert.equal((await guard.admit({ authorization, url })).sub, 'alice', url);
  }
  for (const url of ['/?access_token=', '//?access_token=1', '/?a&access_token=1', '/?%61ccess_token=1', '*?access_token']) {
    await assert.rejects(guard.admit({ authorization, url }), (error) => error.status === 400, url);
  }
  stop();
});

test('an interrupted feed is resumed where it was', async () => {
  const { server, guard, connection, stop } = await connected();
  connection.end();
  const second = await server.connection();
  assert.equal(second.headers['last-event-id'], 'e1.5');
  second.send('heartbeat', await server.message('heartbeat', { position: 5, prev: 5 }));
  await until('it is live', () => guard.state === 'live');
  stop();
});

test('a silent feed is left and tried again', async () => {
  const { server, stop } = await connected({ silence: 100 });
  assert.equal((await server.connection()).headers['last-event-id'], 'e1.5');
  stop();
});

test('a feed that is lost fails closed, sensitive routes first', async () => {
  let ahead = 0;
  const { server, guard, stop } = await connected({ now: () => Date.now() + ahead });
  const claims = () => ({ iat: Math.floor((Date.now() + ahead) / 1000), exp: Math.floor((Date.now() + ahead) / 1000) + 300 });
  ahead = 16_000;
  assert.equal(guard.state, 'grace');
  assert.equal(await refused(guard, await server.token(claims()), { sensitive: true }), 503);
  assert.equal(await refused(guard, await server.token(claims())), undefined);
  ahead = 76_000;
  assert.equal(guard.state, 'lost');
  assert.equal(await refused(guard, await server.token(claims())), 401, 'introspection says inactive');
  server.active = true;
  assert.equal(await refused(guard, await server.token(claims())), undefined, 'introspection says active');
  assert.equal(server.asked[0], 'Basic bm90ZXM6cyUzQWUrYw==');
  const token = await server.token(claims());
  server.stop();
  await until('nobody can be asked', async () => await refused(guard, token) === 503);
  stop();
});

test('a revoked key is refused, and the next one is fetched at once', async () => {
  const { server, guard, connection, stop } = await connected();
  const [old, next] = [server.key, await signer('key-2')];
  const token = await server.token();
  server.jwks = { keys: [old.jwk, next.jwk] };
  server.key = next;
  connection.send('entries', await server.message('entries', { position: 6, prev: 5, entries: [{ kind: 'key', kid: 'key-1' }] }));
  await until('the old key is refused', async () => await refused(guard, token) === 401);
  assert.equal(await refused(guard, await server.token()), undefined, 'the next key is known');
  stop();
});

test('tokens that are not what they should be are refused', async () => {
  const { server, guard, stop } = await connected();
  const now = Math.floor(Date.now() / 1000);
  for (const changes of [
    { iss: 'https://other.example' }, { aud: 'urn:example:other' }, { exp: now - 60, iat: now - 360 }, { exp: now + 901 },
    { iat: now + 60 }, { jti: undefined }, { client_id: undefined }, { cnf: { jkt: 'x' } },
  ]) {
    assert.equal(await refused(guard, await server.token(changes)), 401, JSON.stringify(changes));
  }
  assert.equal(await refused(guard, await server.token({}, await signer('key-1'))), 401, 'another key of this name');
  assert.equal(await refused(guard, await server.message('heartbeat', { sub: 'alice', aud: AUDIENCE })), 401, 'another typ');
  for (const text of ['', 'x', 'a.b.c', 'x'.repeat(9000)]) assert.equal(await refused(guard, text), 401);
  stop();
});

test('a server that names keys at will does not make us flood the issuer', async () => {
  const { server, guard, stop } = await connected();
  const before = server.jwksFetches;
  for (let number = 0; number < 20; number += 1) {
    assert.equal(await refused(guard, await server.token({}, await signer(`strange-${number}`))), 401);
  }
  assert.ok(server.jwksFetches - before <= 1, `${server.jwksFetches - before}`);
  stop();
});

test('an issuer with a path that is still starting is discovered', async () => {
  const server = await Issuer.start({ path: '/auth' });
  server.statuses = [503, 429];
  const connecting = Guard.connect(options(server));
  await server.bringLive();
  (await connecting).close();
  server.stop();
});

for (const [what, plan, said] of [
  ['401 at the feed', { feedStatus: 401 }, /revocations answered 401/],
  ['403 at the feed', { feedStatus: 403 }, /revocations answered 403/],
  ['403 at the metadata', { statuses: [403] }, /oauth-authorization-server answered 403/],
  ['404 in both places', { statuses: [404] }, /openid-configuration answered 404/],
  ['another issuer', { changes: { issuer: 'https://other.example' } }, /issuer https:\/\/other.example, not of/],
  ['no feed', { changes: { revocation_feed_endpoint: undefined } }, /has no revocation_feed_endpoint/],
]) {
  test(`connecting fails at once and says why: ${what}`, async () => {
    const server = Object.assign(await Issuer.start(), plan);
    await assert.rejects(Guard.connect(options(server)), (error) => {
      assert.ok(error instanceof ConnectError && error.final, String(error));
      assert.match(error.message, said);
      return true;
    });
    server.stop();
  });
}

test('an issuer that does not come up is given up in time', async () => {
  const server = await Issuer.start();
  server.statuses = Array(100).fill(503);
  await assert.rejects(Guard.connect(options(server, { patience: 300 })), /could not be read within 0.3 s.*503/);
  server.stop();
});

test('pauses grow to five seconds, and half of them is chance', () => {
  assert.deepEqual([pause(0, 0), pause(0, 1), pause(3, 1), pause(100, 0), pause(100, 1)], [50, 100, 800, 2500, 5000]);
});

test('id and secret are form-encoded before they are joined', () => {
  const pair = Buffer.from(basic('a:b c', 'p%q+ü').slice(6), 'base64').toString();
  assert.equal(pair, 'a%3Ab+c:p%25q%2B%C3%BC');
});

test('events are the same wherever the bytes are cut', async () => {
  const bytes = new TextEncoder().encode('\u{feff}: hello\nid: 1.2\nevent: entries\ndata: a.b.c\n\nevent:heartbeat\r\ndata:x\r\ndata: y\r\n\r\nretry: 5\rdata\rdata: ü\r\rdata: never finished\n');
  const read = async (chunks) => {
    const all = [];
    for await (const event of events(chunks)) all.push(event);
    return all;
  };
  const expected = [
    { event: 'entries', data: 'a.b.c' }, { event: 'heartbeat', data: 'x\ny' }, { event: 'message', data: '\nü' },
  ];
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(await read([bytes.slice(0, cut), bytes.slice(cut)]), expected, `cut at ${cut}`);
  }
  await assert.rejects(read([new TextEncoder().encode('x'.repeat(1 << 21))]), /no end/);
  await assert.rejects(read([new Uint8Array([0xff, 10])]));
});
