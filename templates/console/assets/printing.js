// <button data-print hidden>: prints the page; shown only where there is script, since every browser has a menu for it.
for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) window.print();
});
