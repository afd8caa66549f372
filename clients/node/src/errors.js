// What a request is told, in the words of RFC 6750 §3.

/** A request that must not pass. `status`, `headers` and `message` are what its sender may know. */
export class Refused extends Error {
  constructor(status, error, message, { scope, realm } = {}) {
    super(message);
    this.name = 'Refused';
    this.status = status;
    this.error = error;
    this.scope = scope;
    this.realm = realm;
  }

  /** RFC 6750 §3.1: no error code when the request carried no credentials at all. */
  get headers() {
    const parts = [`Bearer realm="${(this.realm ?? 'api').replace(/["\\\r\n]/g, '')}"`];
    if (this.error) parts.push(`error="${this.error}"`);
    if (this.scope) parts.push(`scope="${this.scope}"`);
    return { 'www-authenticate': parts.join(', '), 'cache-control': 'no-store' };
  }
}

/** Revocations may have been missed, and nobody can be asked: fail closed, and let the sender try again. `message` may
 *  name addresses of ours, and is for the log; `description` is for the sender. */
export class Unavailable extends Error {
  description = 'The token cannot be checked at the moment.';

  constructor(message) {
    super(message);
    this.name = 'Unavailable';
    this.status = 503;
    this.error = 'temporarily_unavailable';
  }

  get headers() {
    return { 'retry-after': '1', 'cache-control': 'no-store' };
  }
}

/** The guard could not be connected. `final` when waiting does not help. */
export class ConnectError extends Error {
  constructor(message, { final = false } = {}) {
    super(message);
    this.name = 'ConnectError';
    this.final = final;
  }
}
