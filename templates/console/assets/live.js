// A page that follows the database: says since when the numbers are old once the connection is gone, and goes to the
// form to sign in when the session has ended. The numbers themselves come as HTML (hx-sse).
function each(selector, act) {
  for (const element of document.querySelectorAll(selector)) act(element);
}

function lost(is) {
  each("[data-lost]", (element) => element.toggleAttribute("hidden", !is));
}

document.addEventListener("beat", (event) => {
  lost(false);
  each("[data-hour]", (element) => {
    element.textContent = event.detail.data;
  });
});
document.addEventListener("htmx:sse:after:message", () => lost(false));
document.addEventListener("htmx:sse:after:connection", () => lost(false));
document.addEventListener("htmx:sse:error", () => lost(true));
document.addEventListener("ended", () => location.reload());
