// The toolbar above the Markdown text: plain buttons that write the signs. One tab stop, arrows between the buttons,
// Alt+F10 from the text to the buttons, Escape back. What they write can be undone by the browser.
const bar = document.querySelector("[data-toolbar]");
const area = bar && document.getElementById(bar.dataset.toolbar);

function write(text, start, end) {
  area.focus();
  area.setSelectionRange(start, end);
  // The only way that keeps the browser's own undo; where it is gone the text is set, and the form hears of it.
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
  }
}

function select(from, text) {
  area.setSelectionRange(from, from + text.length);
}

function mark(sign, sample) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  if (chosen.length > 2 * sign.length && chosen.startsWith(sign) && chosen.endsWith(sign)) {
    write(chosen.slice(sign.length, -sign.length), start, end);
    return select(start, chosen.slice(sign.length, -sign.length));
  }
  const text = chosen || sample;
  write(sign + text + sign, start, end);
  select(start + sign.length, text);
}

function line(sign, sample) {
  const { selectionStart, selectionEnd: end, value } = area;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const chosen = value.slice(start, end) || sample;
  const text = chosen.split("\n").map((one) => (one.startsWith(sign) ? one.slice(sign.length) : sign + one)).join("\n");
  write(text, start, end);
  select(start + (text.startsWith(sign) ? sign.length : 0), text.slice(text.startsWith(sign) ? sign.length : 0));
}

function piece(pattern, sample, keep) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const text = keep ? sample : value.slice(start, end) || sample;
  write(pattern.replace("{sample}", () => text), start, end);
  select(start + pattern.indexOf("{sample}"), text);
}

function block(pattern, sample) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const before = value.slice(0, start);
  const lead = before === "" || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  const tail = value.slice(end).startsWith("\n") ? "\n" : "\n\n";
  const text = value.slice(start, end).trim() || sample;
  write(lead + pattern.replace("{sample}", () => text) + tail, start, end);
  select(start + lead.length + pattern.indexOf("{sample}"), text);
}

function act(button) {
  const { mark: sign, line: start, piece: pattern, block: lines, insert, sample, fixed } = button.dataset;
  if (sign) mark(sign, sample);
  else if (start) line(start, sample);
  else if (pattern) piece(pattern, sample, fixed !== undefined);
  else block(lines || insert, sample);
}

if (area) {
  const buttons = [...bar.querySelectorAll("button")];
  const stop = (at) => buttons.forEach((button, number) => { button.tabIndex = number === at ? 0 : -1; });
  bar.hidden = false;
  stop(0);
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    stop(buttons.indexOf(button));
    act(button);
  });
  bar.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      area.focus();
    } else if (to !== undefined) {
      event.preventDefault();
      stop(to);
      buttons[to].focus();
    }
  });
  area.addEventListener("keydown", (event) => {
    if (event.altKey && event.key === "F10") {
      event.preventDefault();
      bar.querySelector("[tabindex='0']").focus();
    } else if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      const button = bar.querySelector(`[aria-keyshortcuts="Control+${event.key.toUpperCase()}"]`);
      if (button) {
        event.preventDefault();
        act(button);
      }
    }
  });
  for (const button of document.querySelectorAll("[data-insert]")) {
    button.hidden = false;
    button.addEventListener("click", () => act(button));
  }
}
