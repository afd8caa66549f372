// The receiver: one long answer, and another one when it ends.
import { Broken, Chain, prove } from './message.js';
import { events } from './sse.js';

const FOR_AN_OPERATOR = [401, 403, 404];

export class Feed {
  trouble;

  constructor({ url, issuer, clientId, clientSecret, keys, revocations, now, random, silence, fetch, warn }) {
    Object.assign(this, { url, issuer, clientId, keys, revocations, now, random, silence, fetch, warn });
    this.authorization = basic(clientId, clientSecret);
  }

  /** Keeps the revocations current until `signal` is aborted. `troubled` hears why a connection ended. */
  async run(signal, troubled = () => {}) {
    let resume;
    let failures = 0;
    while (!signal.aborted) {
      const chain = new Chain(resume);
      resume = undefined;
      const progress = { live: false };
      try {
        await this.#connection(chain, progress, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.trouble = error;
        if (error instanceof Broken) {
          this.revocations.reset();
        } else if (!(error instanceof Rejected)) {
          // A mere interruption: what was told before it still counts.
          resume = chain.cursor;
        }
        failures = progress.live && !(error instanceof Broken) ? 0 : failures + 1;
        this.warn(`the revocation feed ${this.url} was interrupted: ${error.message}`);
        troubled(error);
      }
      await sleep(pause(failures, this.random()), signal);
    }
  }

  async #connection(chain, progress, signal) {
    const silent = new AbortController();
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(new Error('nothing was heard for a long time')), this.silence);
    };
    heard();
    try {
      const answer = await this.fetch(this.url, {
        headers: {
          authorization: this.authorization,
          accept: 'text/event-stream',
          ...(chain.cursor && { 'last-event-id': `${chain.cursor.epoch}.${chain.cursor.position}` }),
        },
        redirect: 'manual',
        signal: AbortSignal.any([signal, silent.signal]),
      });
      if (answer.status >= 300 && answer.status < 500) {
        await answer.body?.cancel();
        throw new Rejected(this.url, answer.status);
      }
      const kind = answer.headers.get('content-type') ?? '';
      if (answer.status !== 200 || !kind.startsWith('text/event-stream')) {
        await answer.body?.cancel();
        throw new Error(`the answer was ${answer.status} of type ${kind}`);
      }
      for await (const event of events(answer.body)) {
        await this.#takeIn(event, chain, progress);
        heard();
      }
      throw new Error('the server closed the connection');
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
  }

  async #takeIn(event, chain, progress) {
    const message = await prove(event, this);
    const { anew, live } = chain.accept(message);
    if (anew) this.revocations.reset();
    this.revocations.apply(message.entries);
    if (message.entries.some((entry) => entry.kind === 'key')) {
      // The next key may have come with it; a failure shows at the next message or token.
      this.keys.reload().catch((error) => this.warn(`the keys could not be fetched: ${error.message}`));
    }
    if (live) {
      progress.live = true;
      this.trouble = undefined;
      this.revocations.alive();
    }
  }
}

/** The server refuses this client. */
export class Rejected extends Error {
  constructor(url, status) {
    super(`${url} answered ${status}`);
    this.status = status;
    this.final = FOR_AN_OPERATOR.includes(status);
  }
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
export function basic(clientId, clientSecret) {
  const encoded = (text) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encoded(clientId)}:${encoded(clientSecret)}`).toString('base64')}`;
}

/** From 100 ms, doubling up to 5 s; the upper half is chance, so that receivers do not all come back at once. */
export function pause(failures, random) {
  const longest = Math.min(100 * 2 ** Math.min(failures, 10), 5000);
  return longest / 2 + random * (longest / 2);
}

export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}
