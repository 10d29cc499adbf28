/** Live updates for the status page: server-sent events, one frame a second for everybody who watches. */

/** A response on which events are sent. */
export interface Subscriber {
  writeHead(status: number, reason: string, fields: readonly string[]): void;
  /** False if the client reads too slowly; `whenDrained` tells when it has caught up. */
  write(bytes: Buffer): boolean;
  end(): void;
  destroy(): void;
  onOver(listener: () => void): void;
  whenDrained(resume: () => void): void;
}

export interface EventStreamOptions {
  /** Called once a second, whether or not anybody watches. */
  readonly sample: () => void;
  /**
   * What is shown now, as JSON on one line. Asked for at most once a second, and only when somebody watches. Each one stands
   * for itself, so that a slow listener may simply miss some.
   */
  readonly frame: () => string;
  /** 16 unless given. */
  readonly maxSubscribers?: number;
  /** Between two frames; 1000 unless given. */
  readonly intervalMs?: number;
}

export interface EventStream {
  start(): void;
  /** Takes over a response; "full" when there are too many of them, or at the end: the response is untouched then. */
  open(response: Subscriber): "open" | "full";
  /** Ends every listener's response and takes no more. */
  stop(): void;
}

const MAX_SUBSCRIBERS = 16;
const INTERVAL_MS = 1000;

/** Frames in a row that a listener may be too slow for; then its place is for somebody who reads. */
const MAX_MISSED = 30;

const FIELDS = Object.entries({
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Transfer-Encoding": "chunked",
  // nginx, as an ingress before this port, would hold events back otherwise.
  "X-Accel-Buffering": "no",
}).flat();

/** Creates the source of events; it is silent until `start`. */
export function createEventStream(options: EventStreamOptions): EventStream {
  const { sample, frame, maxSubscribers = MAX_SUBSCRIBERS, intervalMs = INTERVAL_MS } = options;
  /** How many frames each one has missed; 0 while it keeps up. */
  const missedFrames = new Map<Subscriber, number>();
  let timer: NodeJS.Timeout | undefined;
  let current: string | undefined;
  let isStopped = false;

  const currentEvent = (): string => (current ??= `data: ${frame()}\n\n`);

  function tick(): void {
    sample();
    current = undefined;
    for (const [response, missed] of missedFrames) {
      if (missed > MAX_MISSED) response.destroy();
      else if (missed > 0) missedFrames.set(response, missed + 1);
      else send(response, currentEvent());
    }
  }

  function send(response: Subscriber, text: string): void {
    // Nothing is queued for one that does not read: the next frame waits until the buffer is empty.
    if (response.write(Buffer.from(text))) return;
    missedFrames.set(response, 1);
    response.whenDrained(() => {
      if (missedFrames.has(response)) missedFrames.set(response, 0);
    });
  }

  return {
    start() {
      // Not a reason for the process to stay.
      timer ??= setInterval(tick, intervalMs).unref();
    },
    open(response) {
      if (isStopped || missedFrames.size >= maxSubscribers) return "full";
      missedFrames.set(response, 0);
      response.onOver(() => missedFrames.delete(response));
      response.writeHead(200, "OK", FIELDS);
      // A browser waits 2 s before it connects again, which it does by itself.
      send(response, `retry: 2000\n${currentEvent()}`);
      return "open";
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
      for (const response of missedFrames.keys()) response.end();
      missedFrames.clear();
    },
  };
}
