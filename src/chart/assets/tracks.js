
/** How the rows of a chart are drawn. A painter has `g`, `view`, `width`, `colours`, `data`, `marks`, `pyramids`, `x(ms)`. */
const QUIETLINE_TRACKS = [
  { id: "caller", label: "Caller", height: 84, draw: (paint, box) => quietlineWave(paint, box, "caller") },
  { id: "speech", label: "Speech", height: 51, draw: quietlineSpeech, legend: quietlineLegend },
  { id: "heard", label: "Heard by the caller", height: 64, draw: (paint, box) => quietlineWave(paint, box, "heard") },
  { id: "trace", label: "Probability of voice", height: 54, needs: "trace", draw: quietlineScore },
  { id: "level", label: "Level, dBFS", height: 60, needs: "trace", hidden: true, draw: quietlineLevel },
  { id: "window", label: "Silence left", height: 84, draw: quietlineWindow },
];

/** Lanes of the speech row: what it is called, and from where it is. */
const QUIETLINE_LANES = [
  { label: "found", stretches: (data) => data.spurts.map((spurt) => [spurt.start_ms, spurt.end_ms, spurt]) },
  { label: "truth", stretches: (data) => data.truth?.caller ?? [] },
  { label: "marked", stretches: (data, marks) => marks ?? [] },
];
const QUIETLINE_LANE = 17;

/** Seconds and fractions as people write them; minutes from a minute on. */
function quietlineTime(ms, digits = 2) {
  if (ms === null || ms === undefined) return "–";
  const sign = ms < 0 ? "−" : "";
  const tenths = 10 ** digits;
  const seconds = Math.round((Math.abs(ms) / 1000) * tenths) / tenths;
  if (seconds < 60) return `${sign}${seconds.toFixed(digits)} s`;
  const rest = (seconds % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return `${sign}${Math.floor(seconds / 60)}:${rest}`;
}

function quietlineWave({ g, x, view, width, colours, data, pyramids }, { top, height }, side) {
  const middle = top + height / 2;
  // Speech on a line rarely fills a sixth of full scale.
  const scale = (height / 2 - 2) / 80;
  g.fillStyle = colours.grid;
  g.fillRect(0, Math.round(middle), width, 1);
  g.fillStyle = colours[side];
  pyramids[side].forPixels(view, width, (pixel, low, high) => {
    const up = Math.min(high * scale, height / 2);
    const down = Math.max(low * scale, -height / 2);
    if (up - down >= 0.5) g.fillRect(pixel, middle - up, 1, Math.max(up - down, 1));
  });
  // The caller's truth has a lane of its own.
  if (side !== "heard") return;
  g.fillStyle = colours.truth;
  for (const [from, to] of data.truth?.agent ?? []) {
    if (x(to) > 0 && x(from) < width) g.fillRect(x(from), top + height - 3, x(to) - x(from), 3);
  }
}

function quietlineSpeech(paint, { top }) {
  const { g, colours, data, marks } = paint;
  QUIETLINE_LANES.forEach(({ label, stretches }, lane) => {
    const y = top + lane * QUIETLINE_LANE;
    g.fillStyle = colours.lane;
    g.fillRect(0, y, paint.width, QUIETLINE_LANE - 3);
    for (const [from, to, spurt] of stretches(data, marks)) {
      const left = paint.x(from);
      const right = Math.max(paint.x(to), left + 1);
      if (right < 0 || left > paint.width) continue;
      const aside = spurt?.charged || spurt?.below_floor;
      g.fillStyle = aside ? colours.charged : colours[label];
      g.fillRect(left, y, right - left, QUIETLINE_LANE - 3);
    }
  });
}

/** The colours of the speech row, behind its name. */
function quietlineLegend(paint, x, y) {
  for (const { label } of QUIETLINE_LANES) {
    quietlineLabel(paint, label, x + 12, y, paint.colours.muted);
    paint.g.fillStyle = paint.colours[label];
    paint.g.fillRect(x, y - 8, 8, 8);
    x += 24 + paint.g.measureText(label).width;
  }
}

/** Text that can be read over anything. */
function quietlineLabel({ g, colours }, text, x, y, colour) {
  g.globalAlpha = 0.8;
  g.fillStyle = colours.back;
  g.fillRect(x - 3, y - 10, g.measureText(text).width + 6, 13);
  g.globalAlpha = 1;
  g.fillStyle = colour;
  g.fillText(text, x, y);
}

function quietlineScore({ g, view, width, colours, pyramids }, { top, height }) {
  g.fillStyle = colours.voiced;
  pyramids.voiced.forPixels(view, width, (x, low, high) => {
    if (high) g.fillRect(x, top + 1, 1, height - 2);
  });
  g.fillStyle = colours.score;
  pyramids.score.forPixels(view, width, (x, low, high) => {
    const up = ((height - 4) * high) / 255;
    g.fillRect(x, top + height - 1 - up, 1, Math.max(up, 1));
  });
}

function quietlineLevel({ g, view, width, colours, pyramids }, { top, height }) {
  const y = (level) => top + 1 + ((height - 2) * -level) / 96;
  for (const db of [-24, -48, -72]) {
    g.fillStyle = colours.grid;
    g.fillRect(0, Math.round(y(db)), width, 1);
    g.fillStyle = colours.muted;
    g.textAlign = "right";
    g.fillText(`${db}`, width - 4, y(db) + 10);
    g.textAlign = "left";
  }
  g.fillStyle = colours.caller;
  pyramids.level.forPixels(view, width, (x, low, high) => {
    g.fillRect(x, y(high), 1, Math.max(y(low) - y(high), 1.5));
  });
}

function quietlineWindow({ g, x, width, colours, data }, { top, height }) {
  const y = (left) => top + (height - 1) * (1 - Math.min(left / data.timeout_ms, 1));
  for (const { start_ms, end_ms, left_ms, held } of data.window) {
    const [from, to] = [x(start_ms), x(end_ms)];
    if (to < 0 || from > width) continue;
    g.fillStyle = held ? colours.held : colours.window;
    g.beginPath();
    g.moveTo(from, top + height);
    g.lineTo(from, y(left_ms[0]));
    g.lineTo(to, y(left_ms[1]));
    g.lineTo(to, top + height);
    g.fill();
    g.beginPath();
    g.moveTo(from, y(left_ms[0]));
    g.lineTo(to, y(left_ms[1]));
    g.strokeStyle = colours.edge;
    g.lineWidth = 1.5;
    g.stroke();
    if (held && to - from > 7 * held.length + 8) {
      g.fillStyle = colours.muted;
      g.fillText(held, Math.max(from, 0) + 4, top + height - 6);
    }
  }
}
