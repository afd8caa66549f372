// A whole sign-in, seen by an unmodified openid-client. The library speaks the protocol; this script is only the browser.
import assert from 'node:assert/strict';
import { json } from 'node:stream/consumers';
import * as oidc from 'openid-client';

const given = await json(process.stdin);
const ok = (step) => console.log(`ok: ${step}`);

// The browser: cookies of one host, redirects by hand, forms.

const cookies = new Map();

async function send(url, form) {
  const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
  // A browser names the origin of a form, and the issuer takes no form without it.
  if (form) headers.origin = new URL(given.issuer).origin;
  const answer = await fetch(url, {
    method: form ? 'POST' : 'GET',
    body: form && new URLSearchParams(form),
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    if (/;\s*max-age=0\b/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }
  return answer;
}

// Goes on until there is a page to read, or until a redirect leads back to the client.
async function follow(url, form) {
  for (let hop = 0; hop < 10; hop++) {
    const answer = await send(url, form);
    if (answer.status === 200 && !form) return { page: await answer.text() };
    const location = answer.headers.get('location');
    assert(location, `${url.pathname} answered ${answer.status}: ${await answer.text()}`);
    // 307 would hand the password on to the next address.
    if (form) assert.equal(answer.status, 303, 'the answer to a form');
    url = new URL(location, url);
    if (url.origin + url.pathname === given.redirect_uri) return { callback: url };
    assert.equal(url.origin, new URL(given.issuer).origin, 'a redirect leaves the issuer');
    form = undefined;
  }
  assert.fail('too many redirects');
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescape = (text) =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    name ? (ENTITIES[name] ?? whole) : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)));

// The named inputs of the form with this action.
function inputs(page, action) {
  const form = page.match(new RegExp(`<form\\b[^>]*\\saction="${action}"[^>]*>(.*?)</form>`, 's'));
  assert(form, `no form with the action ${action} in: ${page}`);
  const attribute = (tag, name) => unescape(tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1] ?? '');
  return Object.fromEntries(
    (form[1].match(/<input\b[^>]*>/g) ?? []).map((tag) => [attribute(tag, 'name'), attribute(tag, 'value')]));
}

// `below` is the action below the issuer, which may have a path.
const submit = (page, below, filled) => {
  const action = new URL(given.issuer).pathname.replace(/\/$/, '') + below;
  return follow(new URL(action, given.issuer), { ...inputs(page, action), ...filled });
};

// The client.

const config = await oidc.discovery(
  new URL(given.issuer),
  given.client_id,
  { id_token_signed_response_alg: 'RS256' },
  oidc.ClientSecretBasic(given.client_secret),
  // Plain http is for the loopback. Left to itself the library trusts the connection and does not check signatures.
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
);
assert.equal(config.serverMetadata().issuer, given.issuer);
ok('discovery');

const verifier = oidc.randomPKCECodeVerifier();
const state = oidc.randomState();
const nonce = oidc.randomNonce();
const authorize = oidc.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: 'openid profile email offline_access',
  prompt: 'consent',
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
});
ok('authorization URL');

const login = await follow(authorize);
assert(login.page, 'nobody is signed in, and yet no page came');
const { username, password } = given;
const consent = await submit(login.page, '/login', { username, password, action: 'sign-in' });
assert(consent.page, 'consent was asked for, and yet no page came');
ok('sign-in');

const { callback } = await submit(consent.page, '/consent', { action: 'allow' });
assert(callback, 'consent does not lead back to the client');
// The library compares `iss` when it is there; that it is there is for us to see.
assert.equal(callback.searchParams.get('iss'), given.issuer);
ok('consent');

const first = await oidc.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
});
const { sub } = first.claims();
assert(first.refresh_token, 'offline_access was granted, and yet no refresh token came');
ok('code exchange');

const person = await oidc.fetchUserInfo(config, first.access_token, sub);
assert.equal(person.sub, sub);
assert.equal(person.preferred_username, given.username);
ok('userinfo');

// Refresh tokens rotate, so each refresh goes on with the token of the one before.
async function refresh(before) {
  const after = await oidc.refreshTokenGrant(config, before.refresh_token);
  assert.notEqual(after.access_token, before.access_token, 'the access token is not a new one');
  assert.equal(after.claims()?.sub, sub, 'the ID token of a refresh');
  return { refresh_token: before.refresh_token, ...after };
}
const second = await refresh(first);
ok('refresh');

const bye = oidc.randomState();
const left = await send(oidc.buildEndSessionUrl(config, {
  id_token_hint: second.id_token,
  post_logout_redirect_uri: given.post_logout_redirect_uri,
  state: bye,
}));
assert.equal(left.status, 303, 'the answer to the end of the session');
assert.equal(left.headers.get('location'), `${given.post_logout_redirect_uri}?state=${bye}`);
ok('end of the session');

// Offline access outlives the session in the browser.
const third = await refresh(second);
ok('refresh after the end of the session');

await oidc.tokenRevocation(config, third.refresh_token, { token_type_hint: 'refresh_token' });
ok('revocation');

await assert.rejects(oidc.refreshTokenGrant(config, third.refresh_token), { error: 'invalid_grant' });
ok('refusal of the revoked token');

console.log('walk done');
