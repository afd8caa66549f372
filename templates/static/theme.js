// Changes the theme without a new page. Without it the same form does the same with one.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (!form.matches("[data-theme-form]") || !button || button.name !== "theme") return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, button));
  try {
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error("refused");
  } catch {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "theme", value: button.value }));
    form.submit();
    return;
  }
  const root = document.documentElement;
  if (button.value === "system") delete root.dataset.theme;
  else root.dataset.theme = button.value;
  for (const other of form.querySelectorAll("button[name=theme]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
});

// Sends a form once, however often its button is pressed. Without it the key of the form does the same.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
// Back again, it may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});

// Shows what is typed into a field of a password, until its form is sent. Without it there is no such button.
for (const field of document.querySelectorAll("input[data-reveal]")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "reveal" });
  button.ariaLabel = button.title = field.dataset.reveal;
  button.setAttribute("aria-controls", field.id);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  show(false);
  button.addEventListener("click", () => show(field.type === "password"));
  field.form?.addEventListener("submit", () => show(false));
  field.after(button);
}
