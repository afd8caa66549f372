// What the issuer says of itself: RFC 8414, OpenID Connect Discovery.
import { ConnectError } from './errors.js';
import { pause, sleep } from './feed.js';

/** RFC 8414 §3.1 puts the well-known name between host and path, OpenID Connect Discovery §4 behind the path. */
export function addresses(issuer) {
  let url;
  try {
    url = new URL(issuer);
  } catch {
    throw new ConnectError(`the issuer ${issuer} is not a URL`, { final: true });
  }
  if (!['https:', 'http:'].includes(url.protocol) || url.search || url.hash) {
    throw new ConnectError(`the issuer ${issuer} is not an https or http URL without query and fragment`, { final: true });
  }
  const path = url.pathname.replace(/\/+$/, '');
  return [
    `${url.origin}/.well-known/oauth-authorization-server${path}`,
    `${url.origin}${path}/.well-known/openid-configuration`,
  ];
}

/** The metadata, once the issuer answers. What may pass is tried again until `patience` ms are over. */
export async function discover(issuer, { fetch, patience, random, warn }) {
  const all = addresses(issuer);
  const until = performance.now() + patience;
  for (let failures = 0; ; failures += 1) {
    try {
      return await readFirst(issuer, all, fetch);
    } catch (error) {
      if (error.final) throw error;
      const wait = pause(failures, random());
      if (performance.now() + wait >= until) {
        throw new ConnectError(`${all[0]} could not be read within ${patience / 1000} s: ${error.message}`);
      }
      warn(`the issuer's metadata could not be read: ${error.message}`);
      await sleep(wait);
    }
  }
}

async function readFirst(issuer, all, fetch) {
  for (const [index, url] of all.entries()) {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(3000) });
    if (answer.status === 404 && index + 1 < all.length) continue;
    if (answer.status >= 500 || [408, 425, 429].includes(answer.status)) {
      throw new Error(`${url} answered ${answer.status}`);
    }
    if (answer.status !== 200) throw new ConnectError(`${url} answered ${answer.status}`, { final: true });
    return checked(issuer, url, await answer.text());
  }
}

function checked(issuer, url, text) {
  const unusable = (why) => new ConnectError(`the metadata at ${url} ${why}`, { final: true });
  let metadata;
  try {
    metadata = JSON.parse(text);
  } catch {
    throw unusable('is not JSON');
  }
  // RFC 8414 §3.3: anything but the identical issuer must not be used.
  if (metadata?.issuer !== issuer) throw unusable(`is that of the issuer ${metadata?.issuer}, not of ${issuer}`);
  for (const name of ['jwks_uri', 'revocation_feed_endpoint', 'introspection_endpoint']) {
    const address = metadata[name];
    if (typeof address !== 'string' || address === '') throw unusable(`has no ${name}`);
    if (issuer.startsWith('https:') && !address.startsWith('https:')) throw unusable(`leads out of TLS to ${address}`);
  }
  return metadata;
}
