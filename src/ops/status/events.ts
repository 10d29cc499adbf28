/** Live updates for the status page: server-sent events, one frame per second for all subscribers. */

/** A response on which events are sent. */
export interface Subscriber {
  writeHead(status: number, reason: string, fields: readonly string[]): void;
  /** Returns false if the client reads too slowly. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** Closes the connection at once. */
  destroy(): void;
  /** Calls `listener` at the end of the response, complete or not. */
  onOver(listener: () => void): void;
  /** Calls `resume` when the socket accepts more bytes. */
  whenDrained(resume: () => void): void;
}

/** What the stream sends, and its limits. */
export interface EventStreamOptions {
  /** Called once per interval, with or without subscribers. */
  readonly sample: () => void;
  /**
   * Returns the current frame, as JSON on one line. It is called at most once per interval, and only if there is a subscriber.
   * Frames are independent of each other, so a slow subscriber can skip some.
   */
  readonly frame: () => string;
  /** The default is 16. */
  readonly maxSubscribers?: number;
  /** The time between two frames, in milliseconds. The default is 1000. */
  readonly intervalMs?: number;
}

/** A stream of frames to all subscribers. */
export interface EventStream {
  /** Starts to call `sample` and to send frames. */
  start(): void;
  /** Begins to send events on a response. Returns "full", and leaves the response unchanged, if there are too many or after `stop`. */
  open(response: Subscriber): "open" | "full";
  /** Ends the responses of all subscribers and accepts no new ones. */
  stop(): void;
}

const MAX_SUBSCRIBERS = 16;
const INTERVAL_MS = 1000;

/** The maximum of frames in a row that a slow subscriber may miss. Then headgate disconnects it, to make room for others. */
const MAX_MISSED = 30;

const FIELDS = Object.entries({
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Transfer-Encoding": "chunked",
  // Without this field, an nginx ingress before this port would buffer the events.
  "X-Accel-Buffering": "no",
}).flat();

/** Creates a stream. It sends no further frames until `start`. */
export function createEventStream(options: EventStreamOptions): EventStream {
  const { sample, frame, maxSubscribers = MAX_SUBSCRIBERS, intervalMs = INTERVAL_MS } = options;
  /** The number of frames in a row that each subscriber has missed; 0 if it is fast enough. */
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
    // Frames are not queued for a slow subscriber. It gets the next frame after its buffer is empty.
    if (response.write(Buffer.from(text))) return;
    missedFrames.set(response, 1);
    response.whenDrained(() => {
      if (missedFrames.has(response)) missedFrames.set(response, 0);
    });
  }

  return {
    start() {
      // Unref'd, because this timer must not keep the process alive.
      timer ??= setInterval(tick, intervalMs).unref();
    },
    open(response) {
      if (isStopped || missedFrames.size >= maxSubscribers) return "full";
      missedFrames.set(response, 0);
      response.onOver(() => missedFrames.delete(response));
      response.writeHead(200, "OK", FIELDS);
      // Tells the browser to reconnect 2 s after the connection is lost.
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
