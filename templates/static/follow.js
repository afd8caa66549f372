// Keeps the page of something that goes on true while it does: its live part is replaced after each step. Without this
// script the page asks for itself every few seconds.
const address = () => document.querySelector("[data-live]")?.dataset ?? {};
let source;
let asking = false;
let again = false;

function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.addEventListener("load", () => {
    asking = false;
    // Whoever stands in between may be busy or gone for a moment; what is shown stays true until then.
    if (request.status === 429 || request.status >= 500) {
      later(Number(request.getResponseHeader("Retry-After")) || 5);
      return;
    }
    // Whoever may not see this any more is told so here; what is shown was true until then.
    if (request.status === 401 || request.status === 403) {
      source?.close();
      document.getElementById("refused")?.removeAttribute("hidden");
      return;
    }
    const fresh = request.response?.querySelector("[data-live]");
    // Another page means that there is nothing more to follow here.
    if (request.status !== 200 || !fresh || new URL(request.responseURL).pathname !== location.pathname) {
      location.assign(request.responseURL || location.href);
      return;
    }
    show(fresh);
    if (again) {
      again = false;
      refresh();
    } else {
      wait();
    }
  });
  request.addEventListener("error", lost);
  request.send();
}

function show(fresh) {
  const live = document.querySelector("[data-live]");
  const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
  const before = document.querySelector("[data-told]")?.textContent;
  live.replaceWith(document.importNode(fresh, true));
  if (focused) (document.getElementById(focused) ?? document.getElementById("main")).focus();
  const told = document.querySelector("[data-told]")?.textContent ?? "";
  const spoken = document.getElementById("spoken");
  if (spoken && told !== before) spoken.textContent = told;
}

function later(seconds) {
  setTimeout(refresh, Math.min(seconds, 60) * 1000);
}

// No response that a script may read: either nobody answers, or the user is signed out and the page leads to the
// issuer, which only the browser itself can follow.
async function lost() {
  asking = false;
  try {
    const response = await fetch(location.href, { method: "HEAD", redirect: "manual" });
    if (response.type === "opaqueredirect") {
      location.reload();
      return;
    }
  } catch {
    // Nobody answers.
  }
  later(5);
}

function wait() {
  const { follow, poll } = address();
  if (!follow) source?.close();
  if (follow && !source) listen(follow);
  if (poll) setTimeout(refresh, Number(poll) * 1000);
}

function listen(follow) {
  source = new EventSource(follow);
  source.addEventListener("progress", (event) => {
    if (Number(event.lastEventId) > Number(address().seen)) refresh();
  });
  // A stream that ends is opened again by the browser, where it was; one that was refused is opened after the page was
  // asked for again.
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    source = undefined;
    if (address().follow) later(5);
  });
}

wait();
