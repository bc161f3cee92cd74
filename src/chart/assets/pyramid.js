"use strict";

/** Bytes of a base64 text. */
function quietlineBytes(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Samples of µ-law codes, -1 to 1. */
function quietlineMulaw(codes) {
  const table = new Float32Array(256);
  for (let code = 0; code < 256; code++) {
    const bits = ~code & 0xff;
    const size = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
    table[code] = ((bits & 0x80) ? 0x84 - size : size - 0x84) / 32768;
  }
  return Float32Array.from(codes, (code) => table[code]);
}

/**
 * Lowest and highest values over a line of time, in levels: each has half the columns of the one below, so that a
 * picture of any width reads only a few columns for each of its pixels.
 */
class QuietlinePyramid {
  /** `low` and `high`: typed arrays of equal length, a column of `ms` each. */
  constructor(low, high, ms) {
    this.levels = [{ low, high, ms }];
    while (low.length > 256) {
      const half = Math.ceil(low.length / 2);
      const [lower, higher] = [new low.constructor(half), new high.constructor(half)];
      for (let i = 0; i < half; i++) {
        const [a, b] = [2 * i, Math.min(2 * i + 1, low.length - 1)];
        lower[i] = Math.min(low[a], low[b]);
        higher[i] = Math.max(high[a], high[b]);
      }
      [low, high, ms] = [lower, higher, ms * 2];
      this.levels.push({ low, high, ms });
    }
  }

  /** Of a wave of the data: the sound itself, or its outline. Values are -127 to 127. */
  static ofWave(wave) {
    if (wave.mulaw === undefined) {
      const pairs = new Int8Array(quietlineBytes(wave.envelope).buffer);
      const side = (odd) => Int8Array.from({ length: pairs.length / 2 }, (_, i) => pairs[2 * i + odd]);
      return new QuietlinePyramid(side(0), side(1), wave.bucket / 8);
    }
    const samples = quietlineMulaw(quietlineBytes(wave.mulaw));
    const columns = Math.ceil(samples.length / 8);
    const [low, high] = [new Int8Array(columns), new Int8Array(columns)];
    for (let i = 0; i < columns; i++) {
      const part = samples.subarray(8 * i, 8 * i + 8);
      low[i] = Math.floor(Math.min(...part) * 127);
      high[i] = Math.ceil(Math.max(...part) * 127);
    }
    return new QuietlinePyramid(low, high, 1);
  }

  /** Calls `each(x, low, high)` for the pixels 0 to `width` of the view; none where there is no data. */
  forPixels(view, width, each) {
    const perPixel = (view.to - view.from) / width;
    const level = this.levels.findLast((level) => level.ms <= perPixel) ?? this.levels[0];
    for (let x = 0; x < width; x++) {
      const first = Math.floor((view.from + x * perPixel) / level.ms);
      const last = Math.max(first + 1, Math.floor((view.from + (x + 1) * perPixel) / level.ms));
      if (first < 0 || first >= level.low.length) continue;
      let [low, high] = [level.low[first], level.high[first]];
      for (let i = first + 1; i < last && i < level.low.length; i++) {
        if (level.low[i] < low) low = level.low[i];
        if (level.high[i] > high) high = level.high[i];
      }
      each(x, low, high);
    }
  }

  /** The highest value at a moment, or `undefined`. */
  at(ms) {
    const { high, ms: column } = this.levels[0];
    return high[Math.floor(ms / column)];
  }
}
