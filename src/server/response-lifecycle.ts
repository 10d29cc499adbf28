/** What the responses to clients have in common in every version of HTTP: their state, their listeners and their end. */

import { ProxyError } from "../http/errors.ts";

/**
 * A response ends in two steps. `end` and `breakOff` write its last bytes (`isEnded`), all of them or fewer than it announced. It is over
 * when these have left, or when its connection or stream has closed (`isOver`): then `close` calls the listeners, once. `fail` ends
 * nothing: it reports a client that has left or is invalid. `destroy` does not wait for bytes that were written.
 *
 * It is a class because each exchange creates one. Closures, or fields with initializers, would cost a twentieth of the exchange's CPU
 * time.
 */
export abstract class ResponseLifecycle {
  status: number;
  headersSent: boolean;
  hasContentBegun: boolean;
  isOver: boolean;
  isFinished: boolean;
  /** Its last bytes are written, but they may not have left yet. */
  isEnded: boolean;
  keepAlive: boolean;
  /** Its content ended too early. */
  protected isBroken: boolean;
  /** Whether the header section was written to an open connection or stream. */
  protected hasLeft: boolean;
  protected hasContent: boolean;
  /** Whether the client waits for 100 (Continue). */
  protected awaitsContinue: boolean;
  /** The listener of `whenDrained`. */
  private resume: (() => void) | undefined;
  /** The listener of `onGone`. */
  private gone: ((error: ProxyError) => void) | undefined;
  private readonly listeners: (() => void)[];

  constructor() {
    this.status = 0;
    this.headersSent = false;
    this.hasContentBegun = false;
    this.isOver = false;
    this.isFinished = false;
    this.isEnded = false;
    this.keepAlive = true;
    this.isBroken = false;
    this.hasLeft = false;
    this.hasContent = true;
    this.awaitsContinue = false;
    this.resume = undefined;
    this.gone = undefined;
    this.listeners = [];
  }

  abstract writeInterim(status: number, reason: string, fields: readonly string[]): void;
  abstract breakOff(): void;

  writeContinue(): void {
    if (this.awaitsContinue) this.writeInterim(100, "Continue", []);
  }

  /** Drops the 100 (Continue), because the client's content has begun to come. */
  skipContinue(): void {
    this.awaitsContinue = false;
  }

  whenDrained(resume: () => void): void {
    this.resume = resume;
  }

  /** To be called when the connection or stream takes bytes again. */
  onDrain(): void {
    const { resume } = this;
    this.resume = undefined;
    resume?.();
  }

  onGone(listener: (error: ProxyError) => void): void {
    this.gone = listener;
  }

  onOver(listener: () => void): void {
    this.listeners.push(listener);
  }

  /**
   * The exchange has failed: the client has left or sent invalid HTTP. The caller of `onGone` decides what happens to the response; without
   * one, a response that has begun is broken off.
   */
  fail(error: ProxyError): void {
    this.keepAlive = false;
    const { gone } = this;
    this.gone = undefined;
    if (gone !== undefined) gone(error);
    else if (this.headersSent) this.breakOff();
  }

  /** Ends the response: nothing more of it can be sent. */
  close(error?: ProxyError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.headersSent = this.hasLeft;
    if (!this.isFinished) this.fail(error ?? new ProxyError("client_gone"));
    for (const listener of this.listeners) listener();
  }

  /** To be called by `breakOff`. Returns false if the response is ended already. */
  protected endBroken(): boolean {
    if (this.isOver || this.isEnded) return false;
    this.isEnded = true;
    this.isBroken = true;
    this.resume = undefined;
    this.gone = undefined; // the caller knows of the failure already
    return true;
  }
}
