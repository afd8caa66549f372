// The keys of the issuer, cached by jose.
import { createRemoteJWKSet, customFetch } from 'jose';

export const ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];

export class Keys {
  algorithms = ALGORITHMS;
  #now;
  #sought = [];

  constructor(url, { now, fetch }) {
    this.set = createRemoteJWKSet(new URL(url), { timeoutDuration: 3000, [customFetch]: fetch });
    this.#now = now;
  }

  /** Fetches a key that is not known, however short ago keys were fetched: the word that one is revoked is signed by
   *  the next. Five in a row and then one in ten seconds, so that nobody can make us flood the issuer. */
  async seek(kid) {
    if (this.set.jwks()?.keys.some((key) => key.kid === kid)) {
      this.#sought = [];
      return;
    }
    const now = this.#now();
    if (this.#sought.length >= 5 && now - this.#sought.at(-1) < 10_000) return;
    this.#sought = [...this.#sought.slice(-4), now];
    await this.reload();
  }

  async reload() {
    await this.set.reload();
  }
}
