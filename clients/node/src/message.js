// The messages of the feed: proved by jose, read strictly, and held against the one before.
import { decodeProtectedHeader, jwtVerify } from 'jose';

const FRESH_FOR_S = 120;
const KINDS = {
  token: { jti: 'text', until: 'time' },
  family: { fam: 'text', until: 'time' },
  subject: { sub: 'text', before: 'time', until: 'time' },
  client: { client_id: 'text', before: 'time', until: 'time' },
  key: { kid: 'text' },
};
const EVENTS = ['snapshot', 'entries', 'heartbeat'];

/** The connection can no longer be trusted. `issuer` when the feed is that of another one. */
export class Broken extends Error {
  constructor(message, { wrongIssuer = false } = {}) {
    super(message);
    this.wrongIssuer = wrongIssuer;
  }
}

/** Verifies and reads one message. `keys` is asked for keys that are not known yet. */
export async function prove({ event, data }, { keys, issuer, clientId, now, revocations }) {
  if (!EVENTS.includes(event)) throw new Broken(`an event has an unknown name: ${event}`);
  const message = await verified(data, { keys, now, revocations });
  if (message.iss !== issuer) {
    throw new Broken(`a message comes from the issuer ${message.iss}, not from ${issuer}`, { wrongIssuer: true });
  }
  if (![message.aud].flat().includes(clientId)) throw new Broken('a message is addressed to another client');
  if (!isTime(message.iat) || Math.abs(message.iat - Math.floor(now() / 1000)) > FRESH_FOR_S) {
    throw new Broken('the time of a message is too far away');
  }
  if (message.event !== event) throw new Broken('the signed name of an event is another one');
  const { epoch, position, prev, more = false, entries = [] } = message;
  if (typeof epoch !== 'string' || !/^[\x21-\x7e]+$/.test(epoch)) throw new Broken('a message has no epoch');
  if (!isTime(position) || !(prev === undefined || isTime(prev))) throw new Broken('a message has no position');
  if (typeof more !== 'boolean' || !Array.isArray(entries)) throw new Broken('a message is malformed');
  return { event, epoch, position, prev, more, entries: entries.filter(isKnown) };
}

async function verified(data, { keys, now, revocations }) {
  try {
    const { kid } = decodeProtectedHeader(data);
    if (revocations.isKeyRevoked(kid)) throw new Error('its key is revoked');
    await keys.seek(kid);
    const options = { typ: 'revocations+jwt', algorithms: keys.algorithms, currentDate: new Date(now()) };
    return (await jwtVerify(data, keys.set, options)).payload;
  } catch (error) {
    throw new Broken(`a message could not be verified: ${error.message}`);
  }
}

/** An entry of an unknown kind is passed over; one of a known kind must be whole. */
function isKnown(entry) {
  if (typeof entry?.kind !== 'string') throw new Broken('an entry has no kind');
  if (!Object.hasOwn(KINDS, entry.kind)) return false;
  for (const [name, type] of Object.entries(KINDS[entry.kind])) {
    const value = entry[name];
    const right = type === 'time' ? isTime(value) : typeof value === 'string' && value !== '';
    if (!right) throw new Broken(`an entry of kind ${entry.kind} lacks ${name}`);
  }
  return true;
}

const isTime = (value) => Number.isSafeInteger(value) && value >= 0;

/** The messages of one connection, each compared with the one before. */
export class Chain {
  #last;
  #fresh = true;
  #synced;

  constructor(resume) {
    this.#last = resume;
    this.#synced = resume !== undefined;
  }

  /** Where a later connection may go on: nowhere while a snapshot is incomplete. */
  get cursor() {
    return this.#synced ? this.#last : undefined;
  }

  /** Whether this message begins anew, and whether everything is known after it. */
  accept({ event, epoch, position, prev, more }) {
    const last = this.#last;
    const anew = last !== undefined && this.#fresh && event === 'snapshot';
    if (last === undefined) {
      if (event !== 'snapshot') throw new Broken('the first message is not a snapshot');
    } else if (!anew) {
      if (epoch !== last.epoch) throw new Broken('the log was replaced');
      if (prev !== last.position || position < last.position) throw new Broken('messages are missing');
    }
    this.#fresh = false;
    if (event === 'snapshot') this.#synced = !more;
    this.#last = { epoch, position };
    return { anew, live: this.#synced };
  }
}
