// Guards an API with the tokens of a Latchkey issuer. docs/feed.md has the wire form of the feed.
export { Guard } from './guard.js';
export { Refused, Unavailable, ConnectError } from './errors.js';
export { Revocations } from './revocations.js';
