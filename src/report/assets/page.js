
const run = JSON.parse(document.getElementById("run").textContent);
/** What QA has marked, by the call's number: it stays while other calls are looked at. */
const marksOf = new Map();
const unsaved = new Set();
let shown = null;

/** An element: texts are text, whatever they hold. `on…` are listeners, other keys properties or attributes. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const failed = (call) => call.failures.length > 0;
const fileName = (path) => path.split(/[/\\]/).at(-1);
const signed = (ms) => ms === null ? "–" : `${ms < 0 ? "−" : "+"}${Math.abs(ms).toFixed(0)} ms`;

// The overview.

const results = { all: () => true, failed, ok: (call) => !failed(call) };
let result = "all";

function drawOverview() {
  const bad = run.filter(failed).length;
  document.getElementById("totals").textContent =
    `${run.length} ${run.length === 1 ? "call" : "calls"}, ${bad ? `${bad} failed` : "all good"}`;
  document.getElementById("results").replaceChildren(...Object.entries(results).map(([name, fits]) => make("button", {
    type: "button", "aria-pressed": String(name === result), onclick: () => { result = name; drawOverview(); },
  }, `${name} (${run.filter(fits).length})`)));
  drawCalls();
}

function drawCalls() {
  const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const says = (call) => [call.name, call.summary?.reason, ...call.failures].join(" ").toLowerCase();
  const fits = (call) => results[result](call) && words.every((word) => says(call).includes(word));
  const rows = run.map((call, number) => [call, number]).filter(([call]) => fits(call)).map(([call, number]) => {
    const { summary } = call;
    const what = summary ? `${summary.reason ?? "not ended"} · hang-up ${quietlineTime(summary.hangup_ms, 1)}` : "not played";
    return make("li", {}, make("button", {
      type: "button", title: call.name, "aria-current": String(number === shown?.number), onclick: () => go(number),
    }, badge(call), make("span", { className: "name" }, fileName(call.name)), make("span", { className: "what" }, what)));
  });
  document.getElementById("calls").replaceChildren(...rows.length ? rows : [make("li", { className: "hint" }, "No call fits.")]);
}

const badge = (call) => make("span", { className: failed(call) ? "badge failed" : "badge" }, failed(call) ? "failed" : "ok");

// The address says what is shown: #call=NUMBER or NAME, &at=MILLISECONDS.

function go(number) {
  location.hash = `call=${number}`;
}

function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const named = run.findIndex((call) => call.name === asked.get("call") || fileName(call.name) === asked.get("call"));
  const number = named >= 0 ? named : Number(asked.get("call") ?? Math.max(run.findIndex(failed), 0));
  if (!run[number]) return;
  if (shown?.number !== number) showCall(number);
  if (asked.has("at")) shown.chart?.jump(Number(asked.get("at")));
  drawCalls();
}

// One call.

function showCall(number) {
  shown?.player?.stop();
  shown?.chart?.destroy();
  const call = run[number];
  shown = { number, call };
  const main = document.getElementById("call");
  const block = document.getElementById(`call-${number}`);
  const detail = block && JSON.parse(block.textContent);
  main.replaceChildren(headCard(call, detail));
  document.title = `${fileName(call.name)} · quietline replay`;
  if (!detail) return;
  shown.detail = detail;
  const stage = make("div");
  const chartCard = make("section", { className: "card", "aria-label": "Chart" });
  const lower = make("div", { className: "lower" }, ledgerCard(detail.chart.ledger), marksCard());
  main.append(chartCard, lower);
  chartCard.append(stage);
  shown.chart = new QuietlineChart(stage, detail.chart, {
    onCursor: drawReadout,
    onPick: (spurt) => shown.chart.select([spurt.start_ms, spurt.end_ms]),
    onSelect: drawMarks,
  });
  shown.player = new Player(detail.chart.waves, (ms) => {
    shown.chart.setPlayhead(ms);
    if (ms === null) drawPlay();
  });
  chartCard.prepend(chartBar());
  chartCard.append(shown.readout = make("div", { className: "readout", role: "status" }), make("p", { className: "hint" },
    "Wheel or pinch zooms, dragging pans, a double click shows all. Shift and dragging selects; a click on a talkspurt selects it."));
  if (!marksOf.has(number)) {
    const { truth, spurts } = detail.chart;
    marksOf.set(number, new Marks(truth ? truth.caller : spurts.map((spurt) => [spurt.start_ms, spurt.end_ms])));
  }
  drawPlay();
  drawReadout(null);
  drawMarks();
}

function headCard(call, detail) {
  const facts = (pairs) => make("dl", {}, ...pairs.map(([key, value]) => make("div", {}, make("dt", {}, key), make("dd", {}, value))));
  const { summary } = call;
  const card = make("section", { className: "card", "aria-label": "Result" }, make("div", { className: "title" },
    make("h2", {}, call.name), badge(call), call.picture && make("a", { href: encodeURIComponent(call.picture) }, "Picture (SVG)")));
  if (failed(call)) card.append(make("ul", { className: "failures" }, ...call.failures.map((text) => make("li", {}, text))));
  if (summary) {
    card.append(facts([
      ["Reason", summary.reason ?? "–"],
      ["Recording", quietlineTime(summary.duration_ms, 1)],
      ["Talkspurts", String(summary.spurts)],
      ["Quiet from", quietlineTime(summary.silence_started_ms)],
      ["Deadline", quietlineTime(summary.deadline_ms)],
      ["Goodbye", quietlineTime(summary.goodbye_ms)],
      ["Hang-up", quietlineTime(summary.hangup_ms)],
      ["Goodbye whole", { true: "yes", false: "no" }[summary.goodbye_whole] ?? "–"],
      ["Mechanics error", signed(summary.mechanics_error_ms)],
      ["Truth error", signed(summary.truth_error_ms)],
      ["Held past deadline", `${summary.held_ms.toFixed(0)} ms`],
    ]));
  }
  if (detail) card.append(make("details", {}, make("summary", {}, "Settings"), facts(detail.settings)));
  return card;
}

function chartBar() {
  const { chart } = shown;
  const button = (text, label, act) => make("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
  const length = () => chart.view.to - chart.view.from;
  const toggles = chart.tracks.map((track) => make("label", {}, make("input", {
    type: "checkbox", checked: track.shown, onchange: (event) => chart.show(track.id, event.target.checked),
  }), track.label));
  shown.play = make("button", { type: "button", onclick: togglePlay });
  shown.markMode = make("button", {
    type: "button", "aria-pressed": "false", title: "Dragging selects instead of panning", onclick: () => {
      chart.setMarking(!chart.marking);
      shown.markMode.setAttribute("aria-pressed", String(chart.marking));
    },
  }, "Select by dragging");
  return make("div", {}, make("div", { className: "bar" },
    shown.play,
    button("+", "Zoom in", () => chart.zoom(0.5, chart.cursor ?? undefined)),
    button("−", "Zoom out", () => chart.zoom(2, chart.cursor ?? undefined)),
    button("‹", "Pan to the left", () => chart.pan(-length() / 2)),
    button("›", "Pan to the right", () => chart.pan(length() / 2)),
    button("All", "Show the whole call", () => chart.showAll()),
    shown.markMode,
  ), make("div", { className: "bar", role: "group", "aria-label": "Rows of the chart" }, ...toggles));
}

function togglePlay() {
  if (shown.player.playing) shown.player.stop();
  else shown.player.start(shown.chart.cursor ?? shown.chart.view.from);
  drawPlay();
}

function drawPlay() {
  const { play, player } = shown;
  play.disabled = !player.can;
  play.textContent = player.playing ? "Stop" : "Play";
  play.title = player.can ? "From the cursor on: the caller left, what the caller heard right"
    : "The sound of long calls, and of many, is not kept in the page";
}

function drawReadout(ms) {
  if (!shown.readout) return;
  const texts = ms === null ? ["Click the chart, or an entry of the ledger, to put the cursor there."]
    : shown.chart.describe(shown.chart.at(ms));
  shown.readout.replaceChildren(...texts.map((text) => make("span", {}, text)));
  markEntry(ms);
}

// The ledger.

function ledgerCard(ledger) {
  shown.rows = ledger.map((entry) => make("tr", {},
    make("td", { className: "number" }, make("button", { type: "button", onclick: () => jump(entry.at_ms) }, quietlineTime(entry.at_ms))),
    make("td", {}, entry.text),
    make("td", { className: "number" }, entry.deadline_ms === null ? "held" : quietlineTime(entry.deadline_ms)),
    make("td", { className: "number" }, entry.uncertainty_ms ? `±${entry.uncertainty_ms.toFixed(0)} ms` : ""),
  ));
  const head = make("tr", {}, make("th", { className: "number", scope: "col" }, "At"), make("th", { scope: "col" }, "What happened"),
    make("th", { className: "number", scope: "col" }, "Deadline"), make("th", { scope: "col" }));
  return make("section", { className: "card", "aria-label": "Ledger" }, make("h3", {}, "Ledger: why the window moved"),
    make("div", { className: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...shown.rows))));
}

function jump(ms) {
  shown.chart.jump(ms);
}

/** Shows the last entry before the cursor. */
function markEntry(ms) {
  shown.entry?.removeAttribute("aria-current");
  const index = ms === null ? -1 : shown.detail.chart.ledger.findLastIndex((entry) => entry.at_ms <= ms + 0.5);
  shown.entry = shown.rows[index];
  if (!shown.entry) return;
  shown.entry.setAttribute("aria-current", "true");
  const scroll = shown.entry.closest(".scroll");
  scroll.scrollTop = shown.entry.offsetTop - scroll.clientHeight / 2;
}

// Marks.

function marksCard() {
  shown.marks = make("div");
  return make("section", { className: "card", "aria-label": "Marks" }, make("h3", {}, "What was really said"), shown.marks);
}

function mark(speech) {
  const [from, to] = shown.chart.selection;
  changeMarks((marks) => marks.add(from, to, speech));
  shown.chart.select(null);
}

function changeMarks(change) {
  change(marksOf.get(shown.number));
  unsaved.add(shown.number);
  drawMarks();
}

function drawMarks() {
  const marks = marksOf.get(shown?.number);
  if (!marks || !shown.chart) return;
  const { selection } = shown.chart;
  const { truth_name, chart } = shown.detail;
  shown.chart.setMarks(marks.list.length ? marks.speech : null);
  const button = (text, act, disabled = false) => make("button", { type: "button", disabled, onclick: act }, text);
  const chosen = selection && selection[1] - selection[0] >= 1
    ? `Selected: ${selection.map((ms) => quietlineTime(ms)).join(" to ")}` : "Select a stretch of the chart, then say what it was.";
  shown.marks.replaceChildren(
    make("p", { className: "hint", role: "status" }, chosen),
    make("div", { className: "bar" },
      button("This was speech", () => mark(true), !selection), button("This was not speech", () => mark(false), !selection),
      button("Undo", () => changeMarks((marks) => marks.undo()), !marks.past.length),
      button("Redo", () => changeMarks((marks) => marks.redo()), !marks.future.length)),
    make("ul", { className: "marks" }, ...marks.list.map(markRow)),
    make("div", { className: "bar" }, button(`Save ${truth_name}`, save, !marks.list.length)),
    make("p", { className: "hint" }, `It holds ${marks.speech.length} ${marks.speech.length === 1 ? "stretch" : "stretches"} of the caller's speech, begun from ${
      chart.truth ? "the truth file" : "what the detector found"}. Put it beside the recording as ${truth_name}: the next replay finds it, `
      + "or give it to --truth."),
  );
}

function markRow(entry, index) {
  const bound = (key, label) => make("input", {
    type: "number", step: 10, min: 0, max: Math.round(shown.detail.chart.duration_ms), value: entry[key], "aria-label": label, onchange: (event) => {
      const changed = { ...entry, [key]: Math.round(Number(event.target.value)) };
      const good = event.target.value !== "" && event.target.validity.rangeUnderflow === false && changed.from < changed.to;
      event.target.setCustomValidity(good ? "" : "A stretch begins before it ends, and not before 0.");
      if (good) changeMarks((marks) => marks.edit(index, changed));
      else event.target.reportValidity();
    },
  });
  const act = (text, label, act) => make("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  return make("li", {},
    act(entry.speech ? "speech" : "not speech", "Change to the opposite", () => changeMarks((marks) => marks.edit(index, { speech: !entry.speech }))),
    bound("from", "From, milliseconds"), "to", bound("to", "To, milliseconds"), "ms",
    act("Show", "Show this mark in the chart", () => jump(entry.from)),
    act("Remove", "Remove this mark", () => changeMarks((marks) => marks.remove(index))));
}

function save() {
  const text = marksOf.get(shown.number).file(shown.detail.truth_file);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href: url, download: shown.detail.truth_name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  unsaved.delete(shown.number);
}

// The page's own keys and events.

addEventListener("keydown", (event) => {
  if (event.target.matches("input, button, summary, a") || event.ctrlKey || event.metaKey || event.altKey || !shown?.chart) return;
  const acts = {
    " ": () => shown.player.can && togglePlay(),
    s: () => shown.chart.selection && mark(true),
    n: () => shown.chart.selection && mark(false),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});
addEventListener("beforeunload", (event) => {
  if (unsaved.size) event.preventDefault();
});
addEventListener("hashchange", follow);
document.getElementById("search").addEventListener("input", drawCalls);
drawOverview();
follow();
