
/** Plays a call from a moment on: the caller left, what the caller heard right. */
class Player {
  /** `waves` of the chart's data; `onTime(ms)` while it plays, `onTime(null)` when it has ended. */
  constructor(waves, onTime) {
    this.waves = waves;
    this.onTime = onTime;
  }

  /** The sound itself is in the page, not only its outline. */
  get can() {
    return this.waves.caller.mulaw !== undefined && this.waves.heard.mulaw !== undefined;
  }

  get playing() {
    return Boolean(this.source);
  }

  start(ms) {
    this.stop();
    this.context ??= new AudioContext();
    this.buffer ??= this.decode();
    const from = ms / 1000 < this.buffer.duration ? ms / 1000 : 0;
    this.source = this.context.createBufferSource();
    this.source.buffer = this.buffer;
    this.source.connect(this.context.destination);
    this.source.onended = () => this.stop();
    // A browser may hold sound back until it has seen a click.
    this.context.resume();
    this.source.start(0, from);
    this.zero = this.context.currentTime - from;
    this.tick();
  }

  stop() {
    if (!this.source) return;
    const { source } = this;
    this.source = null;
    source.onended = null;
    source.stop();
    this.onTime(null);
  }

  tick() {
    if (!this.source) return;
    this.onTime((this.context.currentTime - this.zero) * 1000);
    requestAnimationFrame(() => this.tick());
  }

  decode() {
    const sides = [this.waves.caller, this.waves.heard].map((wave) => quietlineMulaw(quietlineBytes(wave.mulaw)));
    const buffer = this.context.createBuffer(2, Math.max(...sides.map((side) => side.length), 1), 8000);
    sides.forEach((side, channel) => buffer.copyToChannel(side, channel));
    return buffer;
  }
}
