// <button data-print hidden>: shown where there is a script, prints the page. Without one the browser's own menu does it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
