// An issuer in the process: its metadata, its keys, its feed by docs/feed.md, whose connections a test controls by hand.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

export class Issuer {
  static async start({ issuer, jwks, path = '', metadata = {} } = {}) {
    const self = new Issuer();
    self.server = createServer((request, response) => self.#answer(request, response));
    self.server.listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.url = `http://127.0.0.1:${self.server.address().port}${path}`;
    self.issuer = issuer ?? self.url;
    self.path = path;
    self.changes = metadata;
    self.statuses = []; // of the next answers at the metadata's address
    self.feedStatus = 200;
    self.active = false;
    self.asked = [];
    self.jwksFetches = 0;
    self.connections = [];
    self.waiting = [];
    if (jwks) {
      self.jwks = jwks;
    } else {
      self.key = await signer('key-1');
      self.jwks = { keys: [self.key.jwk] };
    }
    return self;
  }

  #answer(request, response) {
    const path = request.url.slice(this.path.length);
    const json = (value, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (request.url === `/.well-known/oauth-authorization-server${this.path}`) {
      const status = this.statuses.shift();
      if (status) return json({}, status);
      return json({
        issuer: this.issuer, jwks_uri: `${this.url}/jwks`, revocation_feed_endpoint: `${this.url}/revocations`,
        introspection_endpoint: `${this.url}/introspect`, ...this.changes,
      });
    }
    if (path === '/jwks') {
      this.jwksFetches += 1;
      return json(this.jwks);
    }
    if (path === '/introspect') {
      this.asked.push(request.headers.authorization);
      return json({ active: this.active });
    }
    if (path !== '/revocations') return json({}, 404);
    if (this.feedStatus !== 200) return json({}, this.feedStatus);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    const connection = new Connection(request, response);
    const waiter = this.waiting.shift();
    if (waiter) waiter(connection);
    else this.connections.push(connection);
  }

  /** The next connection of the receiver. */
  connection() {
    const there = this.connections.shift();
    return there ? Promise.resolve(there) : new Promise((resolve) => this.waiting.push(resolve));
  }

  async message(event, changes) {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.issuer, aud: 'notes', iat: now, epoch: 'e1', position: 1, more: false, event, entries: [], ...changes,
    };
    return sign(payload, 'revocations+jwt', this.key);
  }

  async token(changes = {}, key = this.key) {
    const now = Math.floor(Date.now() / 1000);
    return sign({
      iss: this.issuer, sub: 'alice', aud: 'urn:example:notes', client_id: 'web', iat: now, exp: now + 300, jti: 'jti-1',
      scope: 'notes.read', ...changes,
    }, 'at+jwt', key);
  }

  /** A snapshot on the next connection, which makes the receiver live. */
  async bringLive(changes = {}) {
    const connection = await this.connection();
    connection.send('snapshot', await this.message('snapshot', { position: 5, ...changes }));
    return connection;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

class Connection {
  constructor(request, response) {
    this.headers = request.headers;
    this.response = response;
    this.closed = once(response, 'close');
  }

  send(event, data) {
    this.response.write(`id: 1.1\nevent: ${event}\ndata: ${data}\n\n`);
  }

  end() {
    this.response.end();
  }
}

export async function signer(kid, alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  return { kid, alg, privateKey, jwk: { ...await exportJWK(publicKey), kid, alg, use: 'sig' } };
}

export function sign(payload, typ, key) {
  return new SignJWT(payload).setProtectedHeader({ alg: key.alg, typ, kid: key.kid }).sign(key.privateKey);
}

/** Polls until `condition` holds; a test that waits for what never comes fails. */
export async function until(what, condition) {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
