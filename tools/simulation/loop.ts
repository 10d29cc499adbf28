/**
 * An event loop with its own clock, in Node's order: timers, I/O, `setImmediate`, close events, and between two callbacks all of
 * `process.nextTick` and the microtasks.
 */

import { createNumbers } from "../shared/random.ts";

/** A handle that the poll phase checks. */
export interface Pollable {
  poll(): void;
}

/** A timer that has not fired. */
export class VirtualTimer {
  dueMs = 0;
  order = 0;
  private readonly loop: Loop;
  private readonly delayMs: number;
  private readonly repeats: "once" | "always";
  readonly callback: () => void;

  constructor(loop: Loop, callback: () => void, delayMs: number, repeats: "once" | "always") {
    this.loop = loop;
    this.callback = callback;
    this.delayMs = delayMs >= 1 ? Math.trunc(delayMs) : 1;
    this.repeats = repeats;
    this.refresh();
  }

  refresh(): this {
    this.loop.arm(this, this.delayMs);
    return this;
  }

  /** Runs the callback; an interval is armed again after it. */
  fire(): void {
    this.callback();
    if (this.repeats === "always" && !this.loop.wasCleared(this)) this.refresh();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

interface Planned {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** One turn runs everything that is due; time advances if nothing is due. */
export class Loop {
  /** The time base of timers: whole milliseconds, as in libuv. */
  nowMs = 0;
  turns = 0;
  private driftMs = 0;
  private order = 0;
  private readonly timers = new Set<VirtualTimer>();
  private readonly cleared = new WeakSet<VirtualTimer>();
  private planned: Planned[] = [];
  private ready: Pollable[] = [];
  private immediates: { run: (() => void) | undefined }[] = [];
  private closing: (() => void)[] = [];
  private next: () => number = () => 0;

  /** Clears all state; `seed` decides the order in which ready sockets are served, and where reads are cut. */
  reset(seed: number): void {
    this.nowMs = 1_000;
    this.turns = 0;
    this.driftMs = 0;
    this.order = 0;
    this.timers.clear();
    this.planned = [];
    this.ready = [];
    this.immediates = [];
    this.closing = [];
    this.next = createNumbers(seed);
  }

  /** The monotonic clock: it advances a little with each call. */
  preciseMs(): number {
    if (this.driftMs < 0.9) this.driftMs += 0.000_1;
    return this.nowMs + this.driftMs;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** Schedules an event of the outside world: it happens after that time, before the next poll phase. */
  at(delayMs: number, run: () => void): void {
    this.planned.push({ atMs: this.nowMs + delayMs, order: (this.order += 1), run });
  }

  post(one: Pollable): void {
    if (!this.ready.includes(one)) this.ready.push(one);
  }

  closeLater(callback: () => void): void {
    this.closing.push(callback);
  }

  arm(timer: VirtualTimer, delayMs: number): void {
    timer.dueMs = this.nowMs + delayMs;
    timer.order = this.order += 1;
    this.timers.add(timer);
    this.cleared.delete(timer);
  }

  clear(timer: unknown): void {
    if (!(timer instanceof VirtualTimer)) return;
    this.timers.delete(timer);
    this.cleared.add(timer);
  }

  wasCleared(timer: VirtualTimer): boolean {
    return this.cleared.has(timer);
  }

  immediate(run: () => void): { run: (() => void) | undefined } {
    const one = { run };
    this.immediates.push(one);
    return one;
  }

  clearImmediate(one: { run: (() => void) | undefined } | undefined): void {
    if (one !== undefined) one.run = undefined;
  }

  openTimers(): number {
    return this.timers.size;
  }

  /** Whether nothing is left to do at the present time. */
  isQuiet(): boolean {
    return (
      this.ready.length === 0 &&
      this.immediates.length === 0 &&
      this.closing.length === 0 &&
      this.nextDueMs() > this.nowMs
    );
  }

  /** Advances the clock to the next event. False if there is none. */
  advance(): boolean {
    const dueMs = this.nextDueMs();
    if (dueMs === Infinity) return false;
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.driftMs = 0;
    return true;
  }

  turn(): void {
    this.turns += 1;
    this.runTimers();
    this.runPlanned();
    this.runPoll();
    const immediates = this.immediates;
    this.immediates = [];
    for (const { run } of immediates) this.call(run);
    const closing = this.closing;
    this.closing = [];
    for (const callback of closing) this.call(callback);
  }

  private runTimers(): void {
    for (let timer = this.nextTimer(); timer !== undefined; timer = this.nextTimer()) {
      const due = timer;
      this.timers.delete(due);
      this.call(() => due.fire());
    }
  }

  private nextTimer(): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > this.nowMs) continue;
      if (first === undefined || timer.dueMs < first.dueMs) first = timer;
      else if (timer.dueMs === first.dueMs && timer.order < first.order) first = timer;
    }
    return first;
  }

  private runPlanned(): void {
    const due = this.planned.filter(({ atMs }) => atMs <= this.nowMs);
    if (due.length === 0) return;
    this.planned = this.planned.filter(({ atMs }) => atMs > this.nowMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    for (const { run } of due) this.call(run);
  }

  // In random order; an event that the kernel reports a little later is handled in the next turn.
  private runPoll(): void {
    const ready = this.ready;
    this.ready = [];
    while (ready.length > 0) {
      const [one] = ready.splice(this.below(ready.length), 1);
      if (one === undefined) return;
      if (this.chance(0.1)) this.post(one);
      else this.call(() => one.poll());
    }
  }

  private nextDueMs(): number {
    let dueMs = Infinity;
    for (const timer of this.timers) if (timer.dueMs < dueMs) dueMs = timer.dueMs;
    for (const { atMs } of this.planned) if (atMs < dueMs) dueMs = atMs;
    return dueMs;
  }

  private call(callback: (() => void) | undefined): void {
    callback?.();
    drain();
  }
}

/** Runs what Node runs between two callbacks of its event loop: `process.nextTick`, promises, `queueMicrotask`. */
function drain(): void {
  (process as unknown as { _tickCallback(): void })._tickCallback(); // oxlint-disable-line no-underscore-dangle
}

/** The loop of the process. */
export const loop = new Loop();

/** Replaces Node's global clock and timers by the loop's. */
export function installClock(): void {
  const set = (name: string, value: unknown): void =>
    void Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  type Callback = (...args: unknown[]) => void;
  set(
    "setTimeout",
    (callback: Callback, delayMs = 1, ...args: unknown[]) =>
      new VirtualTimer(loop, () => callback(...args), delayMs, "once"),
  );
  set(
    "setInterval",
    (callback: Callback, delayMs = 1, ...args: unknown[]) =>
      new VirtualTimer(loop, () => callback(...args), delayMs, "always"),
  );
  set("clearTimeout", (timer: unknown) => loop.clear(timer));
  set("clearInterval", (timer: unknown) => loop.clear(timer));
  set("setImmediate", (callback: Callback, ...args: unknown[]) =>
    loop.immediate(() => callback(...args)),
  );
  set("clearImmediate", (one: ReturnType<Loop["immediate"]>) => loop.clearImmediate(one));
  Object.defineProperty(performance, "now", { value: () => loop.preciseMs(), configurable: true });
  Date.now = () => 1_700_000_000_000 + Math.floor(loop.preciseMs());
}
