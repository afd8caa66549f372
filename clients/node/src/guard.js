// The guard: jose says whether a token is genuine, the feed whether it has ended.
import { errors, jwtVerify } from 'jose';
import { discover } from './discover.js';
import { ConnectError, Refused, Unavailable } from './errors.js';
import { Feed, basic } from './feed.js';
import { ALGORITHMS, Keys } from './keys.js';
import { Revocations } from './revocations.js';

const LONGEST_TOKEN = 8 * 1024;
const LONGEST_LIFE_S = 15 * 60;
const LEEWAY_S = 10;

export class Guard {
  #options;
  #keys;
  #introspection;
  #feed;
  #stop = new AbortController();

  /**
   * Discovers the issuer and resolves when keys and revocations are known; rejects with a ConnectError that says why
   * not. The client is a confidential one whose `may_introspect` covers the audience.
   */
  static async connect(options) {
    const guard = new Guard(options);
    try {
      await guard.start();
    } catch (error) {
      guard.close();
      throw error;
    }
    return guard;
  }

  constructor(options) {
    this.#options = {
      now: Date.now, random: Math.random, fetch: globalThis.fetch, patience: 30_000, silence: 15_000,
      warn: (message) => console.warn(message), ...options,
    };
    this.revocations = new Revocations(this.#options);
  }

  /** What `connect` does; the receiver goes on trying even if this rejects, until `close`. */
  async start() {
    const { issuer, clientId, clientSecret, patience } = this.#options;
    const metadata = await discover(issuer, this.#options);
    this.#keys = new Keys(metadata.jwks_uri, this.#options);
    this.#introspection = { url: metadata.introspection_endpoint, authorization: basic(clientId, clientSecret) };
    this.#feed = new Feed({
      ...this.#options, url: metadata.revocation_feed_endpoint, keys: this.#keys, revocations: this.revocations,
    });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ConnectError(
        `the revocation feed was not live within ${patience / 1000} s: ${this.#feed.trouble?.message ?? 'it said nothing'}`,
      )), patience);
      const settle = (act) => (value) => { clearTimeout(timer); act(value); };
      this.revocations.live().then(settle(resolve));
      this.#feed.run(this.#stop.signal, (error) => {
        if (error.final || error.wrongIssuer) settle(reject)(new ConnectError(error.message, { final: true }));
      });
    });
  }

  /** The state of the feed: `live`, `grace`, `lost` or `never`. */
  get state() {
    return this.revocations.state;
  }

  close() {
    this.#stop.abort();
  }

  /** The claims of the token of a request; throws Refused or Unavailable. `undefined` when `optional` and none is there. */
  async admit({ authorization = [], url = '' }, { scope, sensitive = false, optional = false } = {}) {
    const realm = this.#options.audience;
    // A target such as `//` is no URL, and none of that matters here.
    if (new URLSearchParams(url.split('?').slice(1).join('?')).has('access_token')) {
      throw new Refused(400, 'invalid_request', 'A token must not be sent in the query.', { realm });
    }
    if (authorization.length > 1) throw new Refused(400, 'invalid_request', 'There are two credentials.', { realm });
    if (authorization.length === 0) {
      if (optional) return undefined;
      throw new Refused(401, undefined, 'Credentials are required.', { realm });
    }
    const token = /^bearer +([\w.~+/-]+=*)$/i.exec(authorization[0])?.[1];
    if (!token) throw new Refused(401, 'invalid_token', 'The credentials are not a bearer token.', { realm });
    const claims = await this.verify(token, { sensitive });
    const granted = typeof claims.scope === 'string' ? claims.scope.split(' ') : [];
    if (scope && !granted.includes(scope)) {
      throw new Refused(403, 'insufficient_scope', 'The access token lacks the required scope.', { realm, scope });
    }
    return claims;
  }

  /** The claims of an access token; throws Refused or Unavailable. */
  async verify(token, { sensitive = false } = {}) {
    const { claims, kid } = await this.#genuine(token);
    if (this.revocations.isRevoked(claims, kid)) throw this.#refused('The access token was revoked.');
    const state = this.state;
    if (state !== 'live' && sensitive) throw new Unavailable('revocations may have been missed');
    if ((state === 'lost' || state === 'never') && !(await this.#isActive(token))) {
      throw this.#refused('The access token is not active.');
    }
    return claims;
  }

  async #genuine(token) {
    if (token.length > LONGEST_TOKEN) throw this.#refused('The access token is too long.');
    let verified;
    try {
      verified = await jwtVerify(token, this.#keys.set, {
        issuer: this.#options.issuer,
        audience: this.#options.audience,
        typ: 'at+jwt',
        algorithms: ALGORITHMS,
        clockTolerance: LEEWAY_S,
        requiredClaims: ['sub', 'jti', 'client_id', 'iat', 'exp'],
        currentDate: new Date(this.#options.now()),
      });
    } catch (error) {
      const ours = error instanceof errors.JOSEError
        && !(error instanceof errors.JWKSTimeout) && !(error instanceof errors.JWKSInvalid) && error.code !== 'ERR_JOSE_GENERIC';
      if (ours) throw this.#refused('The access token is not valid.');
      throw new Unavailable(`the issuer's keys could not be read: ${error.message}`);
    }
    const { payload: claims, protectedHeader: { kid } } = verified;
    if (claims.exp - claims.iat > LONGEST_LIFE_S || claims.iat > this.#options.now() / 1000 + LEEWAY_S) {
      throw this.#refused('The access token lives too long.');
    }
    // A token that is bound to a key must never pass for a bearer token.
    if (claims.cnf !== undefined) throw this.#refused('The access token is bound to a key.');
    return { claims, kid };
  }

  /** RFC 7662, for as long as the feed is lost. */
  async #isActive(token) {
    try {
      const answer = await this.#options.fetch(this.#introspection.url, {
        method: 'POST',
        headers: { authorization: this.#introspection.authorization, accept: 'application/json' },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
        redirect: 'manual',
        signal: AbortSignal.timeout(3000),
      });
      if (answer.status !== 200) throw new Error(`the answer was ${answer.status}`);
      return (await answer.json()).active === true;
    } catch (error) {
      throw new Unavailable(`the token could not be introspected: ${error.message}`);
    }
  }

  #refused(message) {
    return new Refused(401, 'invalid_token', message, { realm: this.#options.audience });
  }
}
