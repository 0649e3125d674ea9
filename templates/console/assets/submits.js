// A form that is being sent says so, and is not sent twice. The server ignores a second one too (the key in the form).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent === "yes") {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (form.method !== "post") return;
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (button?.dataset.busy) {
    button.setAttribute("aria-disabled", "true");
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
  }
}, true);

// The browser's *back* shows the page as it was left: its forms can be sent again.
function ready() {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[data-idle]")) {
    button.removeAttribute("aria-disabled");
    button.textContent = button.dataset.idle;
    delete button.dataset.idle;
  }
}
window.addEventListener("pageshow", ready);
document.addEventListener("htmx:after:request", ready);
