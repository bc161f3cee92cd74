
/** What QA says of a call, mark upon mark over what was known before: the truth file, or else what was found. */
class Marks {
  constructor(base) {
    this.base = base;
    this.list = [];
    this.past = [];
    this.future = [];
  }

  change(list) {
    this.past.push(this.list);
    this.future = [];
    this.list = list;
  }

  add(from, to, speech) {
    this.change([...this.list, { from: Math.round(from), to: Math.round(to), speech }]);
  }

  edit(index, mark) {
    this.change(this.list.map((old, n) => (n === index ? { ...old, ...mark } : old)));
  }

  remove(index) {
    this.change(this.list.filter((_, n) => n !== index));
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.list);
    this.list = this.past.pop();
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.list);
    this.list = this.future.pop();
  }

  /** The caller's speech with every mark applied: in order, apart from each other. */
  get speech() {
    const without = (stretches, { from, to }) => stretches.flatMap(([start, end]) => {
      if (end <= from || to <= start) return [[start, end]];
      return [[start, from], [to, end]].filter(([start, end]) => start < end);
    });
    const joined = (stretches) => stretches.toSorted((a, b) => a[0] - b[0]).reduce((all, [start, end]) => {
      const last = all.at(-1);
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else all.push([start, end]);
      return all;
    }, []);
    return this.list.reduce(
      (stretches, mark) => mark.speech ? joined([...stretches, [mark.from, mark.to]]) : without(stretches, mark),
      joined(this.base),
    );
  }

  /** The truth file: what it said of other things stays. */
  file(original) {
    const { speech: _, ...kept } = original ? JSON.parse(original) : {};
    const speech = this.speech;
    // The one other key that tells nothing but the caller's speech.
    if ("last_caller_end_ms" in kept) kept.last_caller_end_ms = speech.at(-1)?.[1] ?? null;
    return `${JSON.stringify({ ...kept, caller_speech: speech }, null, 1)}\n`;
  }
}
