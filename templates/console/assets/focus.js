// After a swap the focus goes on purpose to a list of errors, so that a screen reader says it (brief 3.3).
document.addEventListener("htmx:after:swap", () => {
  document.getElementById("errors")?.focus();
});

// A link in that list leads to its field; the field gets the focus, not only the scroll position.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#errors a[href^='#']");
  const field = link && document.getElementById(link.getAttribute("href").slice(1));
  if (field) {
    event.preventDefault();
    field.focus();
    field.scrollIntoView({ block: "center" });
  }
});

// A page that comes back with errors begins at them, also without a swap.
document.getElementById("errors")?.focus();
