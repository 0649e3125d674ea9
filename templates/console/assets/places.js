// An address that ends in #line-7 leads to that line of the text: the line is selected, and the text has the focus.
// One that ends in the name of a field gives the focus to that field.
function go() {
  const text = document.querySelector("textarea#text");
  if (!text) return;
  const line = /^#line-(\d{1,6})$/.exec(location.hash);
  if (!line) {
    const field = /^#[a-z_]{1,30}$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (field && field.form) field.focus();
    return;
  }
  const lines = text.value.split("\n");
  const number = Math.min(Number(line[1]), lines.length);
  const start = lines.slice(0, number - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + lines[number - 1].length);
  text.scrollTop = Math.max(0, (text.scrollHeight / lines.length) * (number - 3));
}
window.addEventListener("hashchange", go);
go();
