// The console's script: htmx with server-sent events, and what a page cannot do without script. Each page works
// without this file: forms are posted, links are followed. No inline handler, no eval, no style attribute.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import "./focus.js";
import "./counters.js";
import "./submits.js";
import "./editor.js";
import "./autosave.js";
import "./places.js";
import "./live.js";
import "./print.js";
