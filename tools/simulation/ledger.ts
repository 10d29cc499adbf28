/** Records the events of one run, and detects violations. */

import type { Exchange } from "../../src/http/exchange.ts";
import type { MemoryHandle } from "./handle.ts";
import { loop } from "./loop.ts";
import { CHANGE, type RequestPlan, type ResponsePlan, type Settings } from "./schedule.ts";

/** A request that headgate sent upstream. */
export interface Send {
  readonly id: string;
  readonly key: string;
  readonly method: string;
  readonly handle: MemoryHandle;
  /** The number of requests that the connection had before. */
  readonly index: number;
  readonly sentMs: number;
  /** The number of bytes that headgate had read from the connection before the request. */
  readonly readBefore: number;
  /** When headgate had written the full request. */
  completeMs: number | undefined;
  contentLeft: number;
  /** The offsets of its response's header section and of its end in the bytes of the connection; Infinity until they are sent. */
  headAt: number;
  endAt: number;
  isSwitched: boolean;
  /** Whether bytes had arrived that headgate had not read yet: it could not know of them. */
  readonly isCrossed: boolean;
  readonly plan: ResponsePlan;
}

/** A request of a client. */
export interface ClientRequest {
  readonly id: string;
  readonly plan: RequestPlan;
  readonly client: number;
  /** The connection of the client. */
  readonly from: MemoryHandle;
  readonly method: string;
  readonly path: string;
  /** When headgate could know the complete header section. */
  arrivedMs: number | undefined;
  sentAllMs: number | undefined;
  begun: number;
  observed: Exchange | undefined;
  observedMs: number | undefined;
  readonly sends: Send[];
  /** How often the kernel refused to accept it, because the connection was reset. */
  refused: number;
  /** Whether headgate rejected it although a slot was free. */
  wasRoomy: boolean;
  response: "none" | "begun" | "whole" | "broken";
  /** The status of a response that headgate generated. */
  localStatus: number | undefined;
}

/** A connection to the upstream that carries a login. */
export interface Login {
  readonly handle: MemoryHandle;
  /** The client connection that it belongs to. */
  readonly from: MemoryHandle;
  isOpen(): boolean;
}

/** How often each kind was drawn, and how often each result occurred. */
export type Counts = Map<string, number>;

/** Collects observations and reports violations. */
export class Ledger {
  readonly violations: string[] = [];
  readonly asked = new Map<string, ClientRequest>();
  readonly counts: Counts;
  readonly settings: Settings;
  readonly trace: string[] = [];
  isTraced = false;
  isStopping = false;
  hasReloaded = false;
  hasBadDial = false;
  private ended: ClientRequest[] = [];
  /** The last login of each client. */
  readonly logins = new Map<number, Login>();
  readonly goneClients = new Set<number>();
  /** Clients that read so slowly that headgate may drop their bytes. */
  readonly slowClients = new Set<number>();

  constructor(settings: Settings, counts: Counts) {
    this.settings = settings;
    this.counts = counts;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  note(text: string): void {
    if (this.isTraced) this.trace.push(`${loop.nowMs} ms, turn ${loop.turns}: ${text}`);
  }

  readonly fail = (text: string): void => {
    this.note(`VIOLATION ${text}`);
    if (this.violations.length < 20) this.violations.push(`${text} (at ${loop.nowMs} ms)`);
  };

  /** Records a header section that reaches the upstream's connection. */
  noteSend(send: Send): void {
    this.count("sends");
    const asked = this.asked.get(send.id);
    if (asked === undefined) return this.fail(`the upstream got a request that no client sent`);
    this.note(`send ${send.id} ${send.key} as request ${send.index} of its connection`);
    if (asked.observed !== undefined) this.fail(`${send.id} was sent after its end`);
    this.checkRepeat(asked, send);
    asked.sends.push(send);
  }

  private checkRepeat(asked: ClientRequest, send: Send): void {
    const before = asked.sends.filter(({ key }) => key === send.key);
    const last = before.at(-1);
    if (last === undefined) return;
    this.count("retries");
    const { id } = send;
    if (before.length > 1) this.fail(`${id} was sent ${before.length + 1} times`);
    if (send.index > 0) this.fail(`${id} was sent again on a connection that had served`);
    if (last.index === 0) this.fail(`${id} was sent again after a connection that was new`);
    if (!["GET", "HEAD", "OPTIONS"].includes(send.method) || asked.plan.content !== undefined)
      this.fail(`${id}, a ${send.method}, was sent twice`);
    if (last.handle.bytesRead > last.readBefore)
      this.fail(`${id} was sent again after bytes of a response`);
    if (!last.handle.isEnded && !last.handle.isReset)
      this.fail(`${id} was sent again although its connection was alive`);
    if (
      last.completeMs !== undefined &&
      loop.nowMs > last.completeMs + this.settings.responseMs + 1
    )
      this.fail(`${id} was sent again after its time`);
  }

  noteRefused(asked: ClientRequest): void {
    this.count("writes refused");
    this.note(`${asked.id} is written behind a reset`);
    asked.refused += 1;
  }

  /** The exchanges that ended since the last call. */
  takeEnded(): readonly ClientRequest[] {
    const { ended } = this;
    this.ended = [];
    return ended;
  }

  /** The maximum idle time of a connection: the operator may have changed it. */
  maxIdleMs(): number {
    const { keepAliveMs } = this.settings;
    return this.hasReloaded ? Math.max(keepAliveMs, CHANGE.keepAliveMs) : keepAliveMs;
  }

  /** Whether fewer requests are in progress than headgate allows. */
  isRoomy({ plan }: ClientRequest): boolean {
    const { maxConnections, waiting, tunnels } = this.settings;
    let current = 0;
    let upgrades = 0;
    for (const other of this.asked.values()) {
      if (other.begun === 0 || other.observed !== undefined) continue;
      current += 1;
      if (other.plan.upgrade !== undefined) upgrades += 1;
    }
    return (
      current < maxConnections + waiting && (plan.upgrade === undefined || upgrades <= tunnels)
    );
  }

  noteBegun(id: string): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return this.fail("headgate began a request that no client sent");
    this.note(`begun ${id}`);
    asked.begun += 1;
    asked.arrivedMs ??= loop.nowMs;
    if (asked.begun > 1) this.fail(`${id} was begun twice`);
  }

  noteObserved(id: string, exchange: Exchange): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return this.fail("an exchange ended that no client began");
    this.note(
      `over ${id}: ${exchange.status} ${exchange.error?.code ?? ""} ${exchange.head ?? ""}`,
    );
    if (asked.observed !== undefined) this.fail(`${id} was observed twice`);
    // headgate rejected a client that reads its response slowly some time ago.
    if (exchange.error?.code === "connection_limit_reached")
      asked.wasRoomy = !this.slowClients.has(asked.client) && this.isRoomy(asked);
    asked.observed = exchange;
    asked.observedMs = loop.nowMs;
    this.ended.push(asked);
    this.count(`status ${exchange.status}`);
    if (exchange.error !== undefined) this.count(`error ${exchange.error.code}`);
    if (exchange.head !== undefined) this.count(`head ${exchange.head}`);
    if (exchange.tunnel) this.count("tunnels");
  }
}
