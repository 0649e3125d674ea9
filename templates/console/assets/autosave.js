// A form with data-autosave saves itself: a second after the last key, and when a field is left. It states the version
// that it was made from; the answer names the new one. What is not saved is kept in this browser too, and is offered
// when the page is opened again. Without this file the button *Save* does the same.
const form = document.querySelector("form[data-autosave]");
const REST = 1000; // milliseconds without a key
const AGAIN = 5000; // milliseconds until another try without a connection

if (form) {
  const said = document.getElementById("saved");
  const unsaved = form.querySelector("[data-dirty]"); // seen, not heard: it comes and goes with each pause
  const compare = form.querySelector("[data-compare]");
  const place = `postiljon ${form.dataset.autosave} ${location.pathname}`;
  let timer = 0;
  let running = null;
  let dirty = form.dataset.unsaved !== undefined;
  let stopped = false;

  const fields = () => [...new FormData(form)].filter(([name, value]) =>
    typeof value === "string" && !["csrf", "read", "act"].includes(name));
  const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);

  function say(text) {
    if (said.textContent !== text) said.textContent = text;
  }

  function store(action) {
    try {
      return action(localStorage);
    } catch {
      return null; // storage is full or switched off: the server's copy has to do
    }
  }

  const keep = () => store((all) => all.setItem(place, JSON.stringify({ read: form.elements.read.value, fields: fields() })));
  const forget = () => store((all) => all.removeItem(place));

  function later(span) {
    clearTimeout(timer);
    timer = setTimeout(save, span);
  }

  async function send() {
    const sent = fields();
    const body = new URLSearchParams([...sent, ["csrf", form.elements.csrf.value]]);
    const headers = { "if-match": `"${form.elements.read.value}"` };
    const answer = await fetch(form.action, { method: "POST", body, headers, redirect: "manual" });
    const isOurs = (answer.headers.get("content-type") || "").startsWith("application/json");
    const told = isOurs ? await answer.json() : { said: form.dataset.signedOut };
    if (answer.status === 200 && isOurs) {
      form.elements.read.value = told.read;
      dirty = !same(sent, fields());
      unsaved.hidden = !dirty;
      if (!dirty) forget();
    } else if (answer.status === 412) {
      compare.hidden = false;
      stopped = true;
    } else if (answer.status >= 500) {
      throw new Error("away");
    }
    say(told.said);
  }

  function save() {
    clearTimeout(timer);
    if (!dirty || stopped || running) return running;
    running = send()
      .catch(() => {
        say(form.dataset.away);
        later(AGAIN);
      })
      .finally(() => {
        running = null;
      });
    return running;
  }

  form.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    dirty = true;
    unsaved.hidden = false;
    keep();
    later(REST);
  });
  form.addEventListener("focusout", () => save());
  window.addEventListener("online", () => save());
  window.addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });

  // A save by the button waits for one that is on its way: else it would meet its own text as somebody else's.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!running) {
      dirty = false;
      stopped = true;
      return;
    }
    event.preventDefault();
    delete form.dataset.sent;
    const button = event.submitter;
    running.finally(() => form.requestSubmit(button));
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // the page knows an old version: show the present one
  });

  const kept = store((all) => JSON.parse(all.getItem(place)));
  const offer = form.querySelector("[data-kept]");
  if (kept && (same(kept.fields, fields()) || !Array.isArray(kept.fields))) {
    if (!dirty) forget();
  } else if (kept) {
    offer.hidden = false;
    offer.querySelector("[data-kept-back]").addEventListener("click", () => {
      for (const [name, value] of kept.fields) {
        const field = form.elements[name];
        if (field && "value" in field) field.value = value;
      }
      form.elements.read.value = kept.read;
      offer.hidden = true;
      form.elements.text.focus();
      form.elements.text.dispatchEvent(new Event("input", { bubbles: true }));
    });
    offer.querySelector("[data-kept-away]").addEventListener("click", () => {
      forget();
      offer.hidden = true;
      form.elements.text.focus();
    });
  }
}

// On the page to compare a choice ends what this browser keeps: the text is on the page, and in what is chosen.
function chosen() {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith("postiljon ") && name.endsWith(location.pathname)) localStorage.removeItem(name);
    }
  } catch {
    // nothing is kept there
  }
}
for (const part of document.querySelectorAll("[data-forget]")) {
  part.addEventListener(part.tagName === "FORM" ? "submit" : "click", chosen);
}
