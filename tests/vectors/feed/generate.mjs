// Writes the vectors of the feed, signed by a key that is made for the run and forgotten: `node generate.mjs`.
// README.md says what is in them.
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const issuer = 'https://id.example';
const client_id = 'notes';
const audience = 'urn:example:notes';
const now = 1_800_000_000;
const until = now + 400;

const signer = (kid) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
};
const [first, second, stranger] = [signer('key-1'), signer('key-2'), signer('key-1')];
const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function jws(header, payload, key = first) {
  const input = `${b64(header)}.${b64(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** A message, and what a receiver makes of it: `live` at its position, `waiting` for more, or `broken`. */
function message(event, position, changes = {}, then = 'live', { header = {}, key = first, outside = event } = {}) {
  const payload = { iss: issuer, aud: client_id, iat: now, epoch: 'e1', position, more: false, event, entries: [], ...changes };
  const data = jws({ alg: 'ES256', typ: 'revocations+jwt', kid: key.kid, ...header }, payload, key);
  return { event: outside, data, payload, then };
}

function token(changes, refused, key = first) {
  const claims = {
    iss: issuer, sub: 'alice', aud: audience, client_id: 'web', iat: now, exp: now + 300, jti: 'jti-1', fam: 'fam-1',
    scope: 'notes.read', ...changes,
  };
  return { token: jws({ alg: 'ES256', typ: 'at+jwt', kid: key.kid }, claims, key), claims, kid: key.kid, refused };
}

function write(name, about, connections, tokens = []) {
  const vector = { about, issuer, client_id, audience, now, jwks: { keys: [first.jwk, second.jwk] }, connections, tokens };
  writeFileSync(new URL(`${name}.json`, import.meta.url), `${JSON.stringify(vector, null, 1)}\n`);
}

const connection = (messages, last_event_id = null) => ({ last_event_id, messages });
const snapshot = (position = 5, changes = {}, then = 'live', how = {}) => message('snapshot', position, changes, then, how);

write('kinds', 'Every kind of entry, one that is not known yet, and an older one of the same subject.', [
  connection([
    snapshot(5, { entries: [
      { kind: 'token', jti: 'ended', until },
      { kind: 'family', fam: 'ended', sid: 'sid-9', until },
      { kind: 'subject', sub: 'bob', before: now, until },
      { kind: 'client', client_id: 'app', before: now, until },
      { kind: 'of a newer issuer', x: 1 },
    ] }),
    message('entries', 6, { prev: 5, entries: [{ kind: 'subject', sub: 'bob', before: now - 100, until }] }),
    message('heartbeat', 6, { prev: 6 }),
  ]),
], [
  token({}, false),
  token({ jti: 'ended' }, true),
  token({ fam: 'ended' }, true),
  token({ sid: 'sid-9' }, false),
  token({ sub: 'bob' }, true),
  token({ sub: 'bob', iat: now + 1 }, false),
  token({ client_id: 'app' }, true),
  token({ client_id: 'app', iat: now + 1 }, false),
]);

write('key', 'A key is revoked: what it signed is refused, and the next one signs the word of it.', [
  connection([
    snapshot(5),
    message('entries', 6, { prev: 5, entries: [{ kind: 'key', kid: 'key-1' }] }, 'live', { key: second }),
  ]),
], [token({}, true), token({}, false, second)]);

write('parts', 'A snapshot of three parts is complete with the last.', [
  connection([
    snapshot(5, { more: true, entries: [{ kind: 'token', jti: 'ended', until }] }, 'waiting'),
    snapshot(5, { prev: 5, more: true }, 'waiting'),
    snapshot(5, { prev: 5 }),
    message('entries', 9, { prev: 5 }),
    message('heartbeat', 9, { prev: 9 }),
  ]),
], [token({ jti: 'ended' }, true), token({}, false)]);

write('resume', 'An interrupted connection goes on where it was; one that cannot begins with a snapshot.', [
  connection([snapshot(5), message('entries', 7, { prev: 5, entries: [{ kind: 'token', jti: 'ended', until }] })]),
  connection([message('entries', 8, { prev: 7 }), message('heartbeat', 8, { prev: 8 })], 'e1.7'),
  connection([snapshot(2, { epoch: 'e2', more: true }, 'waiting'), snapshot(2, { epoch: 'e2', prev: 2 })], 'e1.8'),
], [token({ jti: 'ended' }, true), token({}, false)]);

write('epoch', 'A log that was replaced is not gone on with.', [
  connection([snapshot(5), message('heartbeat', 5, { epoch: 'e2', prev: 5 }, 'broken')]),
  connection([snapshot(1, { epoch: 'e2' })]),
], [token({}, false)]);

write('gap', 'A message that does not follow the one before is the end of the connection.', [
  connection([snapshot(5), message('entries', 7, { prev: 6 }, 'broken')]),
  connection([snapshot(5), message('entries', 4, { prev: 5 }, 'broken')]),
  connection([snapshot(5), message('heartbeat', 6, {}, 'broken')]),
  connection([message('entries', 6, { prev: 5 }, 'broken')]),
  connection([snapshot(6)]),
], [token({}, false)]);

const refusals = {
  origin: [
    snapshot(5, { aud: 'somebody-else' }, 'broken'),
    snapshot(5, { iss: `${issuer}/` }, 'broken'),
    snapshot(5, {}, 'broken', { key: stranger }),
    snapshot(5, {}, 'broken', { header: { typ: 'at+jwt' } }),
  ],
  time: [
    snapshot(5, { iat: now - 121 }, 'broken'),
    snapshot(5, { iat: now + 121 }, 'broken'),
    snapshot(5, { iat: String(now) }, 'broken'),
    message('heartbeat', 5, { prev: 5 }, 'broken', { outside: 'snapshot' }),
  ],
  form: [
    snapshot(5, { entries: [{ kind: 'token', jti: 'ended' }] }, 'broken'),
    snapshot(5, { entries: [{ kind: 'subject', sub: 'bob', until }] }, 'broken'),
    snapshot(5, { epoch: 'e 1' }, 'broken'),
    snapshot(-1, {}, 'broken'),
  ],
  unsigned: [
    (() => {
      const bare = snapshot(5, {}, 'broken', { header: { alg: 'none' } });
      return { ...bare, data: `${bare.data.split('.').slice(0, 2).join('.')}.` };
    })(),
    (() => {
      const good = snapshot(5, {}, 'broken');
      const [header, , signature] = good.data.split('.');
      return { ...good, data: `${header}.${b64({ ...good.payload, position: 6 })}.${signature}` };
    })(),
    snapshot(5, {}, 'broken', { outside: 'rumour' }),
  ],
};
for (const [name, messages] of Object.entries(refusals)) {
  write(`refused-${name}`, 'Messages that are refused; each ends its connection, and a good one follows.', [
    connection([snapshot(5)]),
    ...messages.map((one, index) => connection([one], index === 0 ? 'e1.5' : null)),
    connection([snapshot(5)]),
  ], [token({}, false)]);
}
