
/**
 * A call that can be zoomed: the wheel or two fingers zoom towards the cursor, dragging pans, a double click shows all.
 * With Shift, or after `setMarking(true)`, dragging selects. `on` may hold: `onCursor(ms, byUser)`, `onPick(spurt)`,
 * `onSelect([from, to] or null)`, `onView({from, to})`. Its data is told where the script is included from.
 */
class QuietlineChart {
  static RULER = 22;
  static GAP = 8;
  /** Room above each row for its name. */
  static NAME = 16;
  static MAP = 34;
  /** Nobody needs to see less than this. */
  static CLOSEST_MS = 200;
  /** A finger or a mouse may tremble this much, in pixels, and still click. */
  static TREMBLE = 4;

  constructor(element, data, on = {}) {
    this.data = data;
    this.on = on;
    this.view = { from: 0, to: data.duration_ms };
    this.cursor = null;
    this.playhead = null;
    this.selection = null;
    this.marks = null;
    this.marking = false;
    this.pointers = new Map();
    this.frames = { drawn: 0, worstMs: 0, totalMs: 0 };
    this.tracks = QUIETLINE_TRACKS.filter((track) => !track.needs || data[track.needs])
      .map((track) => ({ ...track, shown: !track.hidden }));
    this.pyramids = QuietlineChart.pyramids(data);
    this.build(element);
    this.listen();
    this.layout();
  }

  static pyramids({ waves, trace }) {
    const pyramids = { caller: QuietlinePyramid.ofWave(waves.caller), heard: QuietlinePyramid.ofWave(waves.heard) };
    if (!trace) return pyramids;
    const line = (values) => new QuietlinePyramid(values, values, trace.frame_ms);
    const levels = quietlineBytes(trace.level);
    pyramids.score = line(quietlineBytes(trace.score));
    pyramids.voiced = line(levels.map((level) => level >> 7));
    pyramids.level = line(Int8Array.from(levels, (level) => -(level & 0x7f)));
    return pyramids;
  }

  // What a page may ask for.

  /** Shows from here to there, as far as there is something. */
  setView(from, to) {
    const whole = this.data.duration_ms;
    const length = Math.min(Math.max(to - from, QuietlineChart.CLOSEST_MS), whole);
    const start = Math.min(Math.max(from, 0), whole - length);
    this.view = { from: start, to: start + length };
    this.redraw();
    this.on.onView?.(this.view);
  }

  /** Shows more (over 1) or less around a moment. */
  zoom(by, around = (this.view.from + this.view.to) / 2) {
    const { from, to } = this.view;
    // At the bounds the length stays, so the moment must not wander.
    const length = Math.min(Math.max((to - from) * by, QuietlineChart.CLOSEST_MS), this.data.duration_ms);
    const part = (around - from) / (to - from);
    this.setView(around - part * length, around + (1 - part) * length);
  }

  pan(ms) {
    this.setView(this.view.from + ms, this.view.to + ms);
  }

  showAll() {
    this.setView(0, this.data.duration_ms);
  }

  /** Puts the cursor here and has it in view. */
  jump(ms) {
    const { from, to } = this.view;
    if (ms < from || ms > to) this.setView(ms - (to - from) / 3, ms + ((to - from) * 2) / 3);
    this.setCursor(ms, true);
  }

  setCursor(ms, byUser = false) {
    this.cursor = ms === null ? null : Math.min(Math.max(ms, 0), this.data.duration_ms);
    this.redraw();
    this.on.onCursor?.(this.cursor, byUser);
  }

  /** Where sound is being played, or `null`; the view follows. */
  setPlayhead(ms) {
    this.playhead = ms;
    if (ms !== null && (ms < this.view.from || ms > this.view.to)) this.setView(ms, ms + this.view.to - this.view.from);
    this.redraw();
  }

  select(stretch) {
    this.selection = stretch;
    this.redraw();
    this.on.onSelect?.(stretch);
  }

  /** Stretches of the lane “marked”; `null` leaves it empty. */
  setMarks(stretches) {
    this.marks = stretches;
    this.redraw();
  }

  setMarking(marking) {
    this.marking = marking;
    this.stage.classList.toggle("ql-marking", marking);
  }

  show(id, shown) {
    const track = this.tracks.find((track) => track.id === id);
    if (track) track.shown = shown;
    this.layout();
  }

  /** What there is at a moment, for a readout. */
  at(ms) {
    const piece = this.data.window.find((piece) => piece.start_ms <= ms && ms < piece.end_ms);
    const part = piece ? (ms - piece.start_ms) / (piece.end_ms - piece.start_ms) : 0;
    const score = this.pyramids.score?.at(ms);
    return {
      ms,
      score: score === undefined ? null : score / 255,
      voiced: Boolean(this.pyramids.voiced?.at(ms)),
      level: this.pyramids.level?.at(ms) ?? null,
      left: piece ? piece.left_ms[0] + part * (piece.left_ms[1] - piece.left_ms[0]) : null,
      held: piece?.held ?? null,
      spurt: this.data.spurts.find((spurt) => spurt.start_ms <= ms && ms < spurt.end_ms) ?? null,
    };
  }

  destroy() {
    this.abort.abort();
    this.resized.disconnect();
    this.stage.remove();
  }

  // How it is built and moved.

  build(element) {
    const make = (name, parent, className) => {
      const made = parent.appendChild(document.createElement(name));
      made.className = className;
      return made;
    };
    this.stage = make("div", element, "ql-stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-roledescription", "chart");
    this.stage.setAttribute("aria-label", "The call over time. Arrow keys move the cursor, Page Up and Page Down pan, "
      + "plus and minus zoom, 0 shows the whole call, Shift with arrow keys selects.");
    this.canvas = make("canvas", this.stage, "ql-canvas");
    this.tip = make("div", this.stage, "ql-tip");
    this.tip.hidden = true;
    this.spoken = make("div", this.stage, "ql-spoken");
    this.spoken.setAttribute("aria-live", "polite");
    this.g = this.canvas.getContext("2d");
  }

  listen() {
    this.abort = new AbortController();
    const on = (target, name, act, more = {}) =>
      target.addEventListener(name, act.bind(this), { signal: this.abort.signal, ...more });
    on(this.canvas, "wheel", this.wheel, { passive: false });
    on(this.canvas, "pointerdown", this.press);
    on(this.canvas, "pointermove", this.move);
    on(this.canvas, "pointerup", this.release);
    on(this.canvas, "pointercancel", this.release);
    on(this.canvas, "pointerleave", () => this.hover(null));
    on(this.canvas, "dblclick", this.showAll);
    on(this.stage, "keydown", this.key);
    on(matchMedia("(prefers-color-scheme: dark)"), "change", this.redraw);
    this.resized = new ResizeObserver(() => this.layout());
    this.resized.observe(this.stage);
  }

  layout() {
    let top = QuietlineChart.RULER;
    this.boxes = [];
    for (const track of this.tracks.filter((track) => track.shown)) {
      this.boxes.push({ track, top: top + QuietlineChart.NAME, height: track.height });
      top += QuietlineChart.NAME + track.height + QuietlineChart.GAP;
    }
    this.mapTop = top;
    this.height = top + QuietlineChart.MAP;
    this.width = Math.max(this.stage.clientWidth, 50);
    this.redraw();
  }

  ms(x) {
    return this.view.from + (x / this.width) * (this.view.to - this.view.from);
  }

  x(ms) {
    return ((ms - this.view.from) / (this.view.to - this.view.from)) * this.width;
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
      this.pan((sideways * lines * (this.view.to - this.view.from)) / this.width);
    } else {
      this.zoom(Math.exp(Math.min(Math.max(event.deltaY * lines, -300), 300) / 400), this.ms(event.offsetX));
    }
    this.hover(event.offsetX);
  }

  press(event) {
    if (event.button !== 0) return;
    // A finger that lifts before the capture is no trouble; a script's pointer cannot be captured.
    try { this.canvas.setPointerCapture(event.pointerId); } catch { /* not a real pointer */ }
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    const selecting = this.marking || event.shiftKey;
    const kind = event.offsetY >= this.mapTop ? "map" : selecting ? "select" : "pan";
    this.drag = { kind, x: event.offsetX, at: this.ms(event.offsetX), view: this.view, moved: false };
    if (this.pointers.size === 2) {
      this.drag = { kind: "pinch", view: this.view, fingers: this.fingers(), moved: true };
    } else if (kind === "map") {
      this.moveMap(event.offsetX);
    }
  }

  move(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer || !this.drag) return this.hover(event.offsetY < this.mapTop ? event.offsetX : null);
    [pointer.x, pointer.y] = [event.offsetX, event.offsetY];
    const drag = this.drag;
    const far = Math.abs(event.offsetX - drag.x) > QuietlineChart.TREMBLE;
    drag.moved ||= far;
    if (drag.kind === "pinch") return this.pinch();
    if (drag.kind === "map") return this.moveMap(event.offsetX);
    if (!drag.moved) return undefined;
    if (drag.kind === "select") {
      const to = Math.min(Math.max(this.ms(event.offsetX), 0), this.data.duration_ms);
      this.select([Math.min(drag.at, to), Math.max(drag.at, to)]);
    } else {
      const by = ((drag.x - event.offsetX) * (drag.view.to - drag.view.from)) / this.width;
      this.setView(drag.view.from + by, drag.view.to + by);
    }
    return this.hover(event.pointerType === "mouse" ? event.offsetX : null);
  }

  release(event) {
    this.pointers.delete(event.pointerId);
    const drag = this.drag;
    if (this.pointers.size > 0) {
      // The finger that stays begins anew from where it is.
      const [left] = this.pointers.values();
      this.drag = { kind: "pan", x: left.x, view: this.view, moved: true };
      return;
    }
    this.drag = null;
    if (!drag || drag.moved || drag.kind === "map" || event.type === "pointercancel") return;
    const at = this.ms(event.offsetX);
    const spurt = this.spurtUnder(event.offsetX, event.offsetY);
    this.setCursor(at, true);
    if (spurt) this.on.onPick?.(spurt);
  }

  fingers() {
    const [a, b] = [...this.pointers.values()].map((pointer) => pointer.x);
    return { middle: (a + b) / 2, apart: Math.max(Math.abs(a - b), 10) };
  }

  pinch() {
    const { view, fingers } = this.drag;
    const now = this.fingers();
    const length = (view.to - view.from) * (fingers.apart / now.apart);
    const held = view.from + (fingers.middle / this.width) * (view.to - view.from);
    const from = held - (now.middle / this.width) * length;
    this.setView(from, from + length);
  }

  moveMap(x) {
    const half = (this.view.to - this.view.from) / 2;
    const middle = (x / this.width) * this.data.duration_ms;
    this.setView(middle - half, middle + half);
  }

  /** The talkspurt in the lane of those that were found. */
  spurtUnder(x, y) {
    const box = this.boxes.find(({ track }) => track.id === "speech");
    if (!box || y < box.top || y > box.top + QUIETLINE_LANE) return null;
    return this.data.spurts.find((spurt) => this.x(spurt.start_ms) - 3 <= x && x <= this.x(spurt.end_ms) + 3) ?? null;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const length = this.view.to - this.view.from;
    const middle = (this.view.from + this.view.to) / 2;
    const step = (by) => {
      const from = this.cursor ?? middle;
      this.jump(from + by);
      if (event.shiftKey) {
        const start = this.anchor ?? from;
        this.anchor = start;
        this.select([Math.min(start, this.cursor), Math.max(start, this.cursor)]);
      } else {
        this.anchor = null;
      }
      this.spoken.textContent = this.describe(this.at(this.cursor)).join(", ");
    };
    const acts = {
      ArrowLeft: () => step(-Math.max(length / 100, 20)),
      ArrowRight: () => step(Math.max(length / 100, 20)),
      PageUp: () => this.pan(-length * 0.8),
      PageDown: () => this.pan(length * 0.8),
      Home: () => this.jump(0),
      End: () => this.jump(this.data.duration_ms),
      "+": () => this.zoom(0.7, this.cursor ?? middle),
      "=": () => this.zoom(0.7, this.cursor ?? middle),
      "-": () => this.zoom(1 / 0.7, this.cursor ?? middle),
      0: () => this.showAll(),
      Escape: () => this.select(null),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  // How it is drawn.

  redraw() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      const begun = performance.now();
      this.draw();
      const took = performance.now() - begun;
      this.frames.drawn += 1;
      this.frames.totalMs += took;
      this.frames.worstMs = Math.max(this.frames.worstMs, took);
    });
  }

  colours() {
    const style = getComputedStyle(this.stage);
    const names = ["caller", "heard", "score", "voiced", "window", "held", "found", "truth", "marked", "charged", "lane",
      "grid", "text", "muted", "back", "goodbye", "hangup", "ending", "cursor", "selected", "play", "edge"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--ql-${name}`).trim()]));
  }

  draw() {
    const dense = devicePixelRatio || 1;
    const { g, canvas, width, height } = this;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
      canvas.style.height = `${height}px`;
    }
    g.setTransform(dense, 0, 0, dense, 0, 0);
    g.font = "11px system-ui, sans-serif";
    g.textAlign = "left";
    const { view, data, marks, pyramids } = this;
    const colours = this.colours();
    const paint = { g, view, width, colours, data, marks, pyramids, x: (ms) => this.x(ms) };
    g.fillStyle = colours.back;
    g.fillRect(0, 0, width, height);
    this.drawAnnounced(paint);
    this.drawRuler(paint);
    for (const { track, top, height: rows } of this.boxes) {
      track.draw(paint, { top, height: rows });
      quietlineLabel(paint, track.label, 4, top - 4, colours.text);
      track.legend?.(paint, 16 + g.measureText(track.label).width, top - 4);
      g.fillStyle = colours.grid;
      g.fillRect(0, top + rows + QuietlineChart.GAP / 2, width, 1);
    }
    this.drawMarkers(paint);
    this.drawSelection(paint);
    this.drawMap(paint);
    this.vertical(paint, this.cursor, colours.cursor);
    this.vertical(paint, this.playhead, colours.play);
  }

  drawAnnounced({ g, x, colours, data }) {
    g.fillStyle = colours.goodbye;
    for (const said of data.announced.filter((said) => said.farewell)) {
      g.fillRect(x(said.start_ms), QuietlineChart.RULER, x(said.end_ms) - x(said.start_ms), this.mapTop - QuietlineChart.RULER);
    }
  }

  drawRuler({ g, x, view, width, colours }) {
    const steps = [20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 36e5];
    const perPixel = (view.to - view.from) / width;
    const step = steps.find((step) => step / perPixel >= 80) ?? 36e5;
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      g.fillStyle = colours.grid;
      g.fillRect(Math.round(x(at)), 0, 1, this.mapTop);
      g.fillStyle = colours.muted;
      g.fillText(quietlineTime(at, step < 100 ? 2 : step < 1e3 ? 1 : 0), x(at) + 4, 13);
    }
  }

  drawMarkers(paint) {
    const { g, x, width, colours, data } = paint;
    let [row, free] = [0, -Infinity];
    const bottom = this.mapTop - QuietlineChart.GAP;
    for (const { at_ms, kind, text } of data.markers) {
      const at = x(at_ms);
      if (at < 0 || at > width) continue;
      const colour = { goodbye: colours.ending, ending: colours.ending, hangup: colours.hangup }[kind] ?? colours.marked;
      g.fillStyle = colour;
      g.fillRect(Math.round(at), QuietlineChart.RULER, 1.5, bottom - QuietlineChart.RULER);
      const wide = g.measureText(text).width + 6;
      row = at - 10 < free ? row + 1 : 0;
      free = Math.max(free, at + wide);
      const left = at + wide > width ? at - wide : at + 4;
      quietlineLabel(paint, text, left, QuietlineChart.RULER + 11 + 13 * (row % 4), colour);
    }
  }

  drawSelection({ g, x, colours }) {
    if (!this.selection) return;
    const [from, to] = this.selection.map(x);
    g.fillStyle = colours.selected;
    g.fillRect(from, QuietlineChart.RULER, Math.max(to - from, 1), this.mapTop - QuietlineChart.RULER);
  }

  /** The whole call, small, with the part that is shown above. */
  drawMap({ g, view, width, colours, data, pyramids }) {
    const whole = { from: 0, to: data.duration_ms };
    const top = this.mapTop;
    const x = (ms) => (ms / data.duration_ms) * width;
    g.fillStyle = colours.lane;
    g.fillRect(0, top, width, QuietlineChart.MAP);
    for (const [side, middle] of [["caller", 0.3], ["heard", 0.72]]) {
      g.fillStyle = colours[side];
      pyramids[side].forPixels(whole, width, (column, low, high) => {
        const tall = Math.min(((high - low) / 254) * QuietlineChart.MAP * 0.8, QuietlineChart.MAP * 0.4);
        if (tall >= 0.5) g.fillRect(column, top + QuietlineChart.MAP * middle - tall / 2, 1, Math.max(tall, 1));
      });
    }
    if (this.cursor !== null) {
      g.fillStyle = colours.cursor;
      g.fillRect(x(this.cursor), top, 1, QuietlineChart.MAP);
    }
    g.strokeStyle = colours.play;
    g.lineWidth = 2;
    g.strokeRect(x(view.from) + 1, top + 1, Math.max(x(view.to) - x(view.from) - 2, 3), QuietlineChart.MAP - 2);
  }

  vertical({ g, x, width }, ms, colour) {
    if (ms === null || x(ms) < 0 || x(ms) > width) return;
    g.fillStyle = colour;
    g.fillRect(Math.round(x(ms)), 0, 1, this.mapTop - QuietlineChart.GAP / 2);
  }

  /** What is told about a moment, in lines. */
  describe({ ms, score, voiced, level, left, held, spurt }) {
    const lines = [quietlineTime(ms, 2)];
    if (score !== null) lines.push(`probability ${score.toFixed(2)}${voiced ? ", voiced" : ""}`);
    if (level !== null) lines.push(`level ${level} dBFS`);
    if (left !== null) lines.push(`silence left ${quietlineTime(left, 1)}${held ? ` (held: ${held})` : ""}`);
    if (spurt) {
      const judged = [spurt.verdict, spurt.charged && "charged", spurt.below_floor && "below the floor"];
      lines.push(`talkspurt ${spurt.id}, ${spurt.level_dbfs} dBFS${judged.filter(Boolean).map((word) => `, ${word}`).join("")}`);
    }
    return lines;
  }

  hover(x) {
    this.tip.hidden = x === null;
    if (x === null) return;
    this.tip.replaceChildren(...this.describe(this.at(this.ms(x))).map((line) => {
      const row = document.createElement("div");
      row.textContent = line;
      return row;
    }));
    const room = this.width - this.tip.offsetWidth - 4;
    this.tip.style.left = `${x + 16 > room ? Math.max(x - this.tip.offsetWidth - 12, 0) : x + 16}px`;
  }
}
