// Makes passkeys and signs in with them. It only fills the field of a form and sends that form. Without it the buttons
// stay hidden, and a line says why.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const ids = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
const json = (selector, name) => {
  const value = document.querySelector(selector)?.dataset[name];
  return value ? JSON.parse(value) : null;
};
const signal = (name, value) => PublicKeyCredential[name]?.(value).catch(() => {});

function show() {
  for (const part of document.querySelectorAll("[data-passkey-with]")) part.hidden = false;
  for (const part of document.querySelectorAll("[data-passkey-without]")) part.hidden = true;
}

function send(form, credential, response) {
  form.querySelector("#passkey-response").value = JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
  form.submit();
}

// Whoever closes the browser's dialog has said no, and needs no explanation.
function failed(error) {
  if (error.name === "AbortError" || error.name === "NotAllowedError") return;
  const [problem, held] = ["passkey-problem", "passkey-held"].map((id) => document.getElementById(id));
  // The authenticator has one of the passkeys that the page excludes.
  const line = error.name === "InvalidStateError" && held ? held : problem;
  // What went well before is over.
  for (const part of [problem, held, ...document.querySelectorAll("[role=status]")]) if (part) part.hidden = true;
  if (line) line.hidden = false;
}

let waiting;

async function get(options, more) {
  waiting?.abort();
  waiting = new AbortController();
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: ids(options.allowCredentials),
  };
  const credential = await navigator.credentials.get({ publicKey, signal: waiting.signal, ...more });
  const { authenticatorData, clientDataJSON, signature, userHandle } = credential.response;
  send(document.querySelector("form[data-passkey-request]"), credential, {
    authenticatorData: text(authenticatorData),
    clientDataJSON: text(clientDataJSON),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  });
}

async function create(form) {
  const options = JSON.parse(form.dataset.passkeyCreate);
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: ids(options.excludeCredentials),
  };
  const credential = await navigator.credentials.create({ publicKey });
  const { attestationObject, clientDataJSON } = credential.response;
  send(form, credential, {
    attestationObject: text(attestationObject),
    clientDataJSON: text(clientDataJSON),
    transports: credential.response.getTransports?.() ?? [],
  });
}

async function begin() {
  const login = json("form[data-passkey-request]", "passkeyRequest");
  show();
  for (const form of document.querySelectorAll("form[data-passkey-create]")) {
    form.querySelector("button[data-passkey-with]").addEventListener("click", () => create(form).catch(failed));
  }
  const gone = json("[data-passkey-unknown]", "passkeyUnknown");
  if (gone) signal("signalUnknownCredential", gone);
  const held = json("[data-passkey-signals]", "passkeySignals");
  if (held) {
    const { rpId, userId, allAcceptedCredentialIds, name, displayName } = held;
    signal("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
    signal("signalCurrentUserDetails", { rpId, userId, name, displayName });
  }
  if (!login) return;
  document.getElementById("passkey-sign-in").addEventListener("click", () => get(login, {}).catch(failed));
  if (await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.()) {
    document.getElementById("can").value = "passkey";
  }
  if (await PublicKeyCredential.isConditionalMediationAvailable?.()) {
    await get(login, { mediation: "conditional" }).catch(failed);
  }
}

if (window.PublicKeyCredential) begin();
