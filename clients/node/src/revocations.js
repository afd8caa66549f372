// What has ended, and how old that knowledge is.

const LIVE_MS = 15_000;
const GRACE_MS = 60_000;

export class Revocations {
  #now;
  #grace;
  #tokens = new Map();
  #families = new Map();
  #subjects = new Map();
  #clients = new Map();
  #keys = new Set();
  #heard;
  #live = false;
  #waiting = new Set();
  #swept = 0;

  constructor({ now = Date.now, grace = GRACE_MS } = {}) {
    this.#now = now;
    this.#grace = grace;
  }

  /** `live`, `grace`, `lost`, or `never` before the first complete snapshot. */
  get state() {
    if (this.#heard === undefined) return 'never';
    const age = this.#now() - this.#heard;
    if (this.#live && age <= LIVE_MS) return 'live';
    return age <= LIVE_MS + this.#grace ? 'grace' : 'lost';
  }

  /** Remembers the entries of a message. Nothing that is known becomes wrong, so nothing is taken back. */
  apply(entries) {
    for (const entry of entries) {
      switch (entry.kind) {
        case 'token': keep(this.#tokens, entry.jti, entry); break;
        case 'family': keep(this.#families, entry.fam, entry); break;
        case 'subject': keep(this.#subjects, entry.sub, entry); break;
        case 'client': keep(this.#clients, entry.client_id, entry); break;
        case 'key': this.#keys.add(entry.kid); break;
      }
    }
    this.#sweep();
  }

  /** Everything up to here is known. */
  alive() {
    this.#heard = this.#now();
    this.#live = true;
    for (const wake of this.#waiting) wake();
  }

  /** Something may be missing until the next complete snapshot. */
  reset() {
    this.#live = false;
  }

  /** Resolves when everything is known. */
  async live() {
    while (this.state !== 'live') {
      await new Promise((resolve) => {
        const wake = () => { this.#waiting.delete(wake); resolve(); };
        this.#waiting.add(wake);
      });
    }
  }

  isKeyRevoked(kid) {
    return this.#keys.has(kid);
  }

  /** Whether the token with these verified claims, signed by this key, has ended. */
  isRevoked(claims, kid) {
    // `before` ends what was issued at or before it.
    const ends = (entry) => entry !== undefined && claims.iat <= entry.before;
    return this.#keys.has(kid)
      || this.#tokens.has(claims.jti)
      || (claims.fam !== undefined && this.#families.has(claims.fam))
      || ends(this.#subjects.get(claims.sub))
      || ends(this.#clients.get(claims.client_id));
  }

  get size() {
    return this.#tokens.size + this.#families.size + this.#subjects.size + this.#clients.size + this.#keys.size;
  }

  /** Once a minute: an entry is forgotten after its `until`. */
  #sweep() {
    const now = Math.floor(this.#now() / 1000);
    if (now < this.#swept + 60) return;
    this.#swept = now;
    for (const map of [this.#tokens, this.#families, this.#subjects, this.#clients]) {
      for (const [key, entry] of map) if (entry.until < now) map.delete(key);
    }
  }
}

function keep(map, key, { before, until }) {
  const known = map.get(key);
  const later = (name, value) => Math.max(known?.[name] ?? value, value);
  map.set(key, { before: before === undefined ? undefined : later('before', before), until: later('until', until) });
}
