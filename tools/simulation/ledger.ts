/** What happened in one run, and what must never happen. */

import type { Exchange } from "../../src/http/exchange.ts";
import type { MemoryHandle } from "./handle.ts";
import { loop } from "./loop.ts";
import { CHANGE, type RequestPlan, type ResponsePlan, type Settings } from "./schedule.ts";

/** A request as it went to the upstream. */
export interface Send {
  readonly id: string;
  readonly key: string;
  readonly method: string;
  readonly handle: MemoryHandle;
  /** How many requests the connection had before. */
  readonly index: number;
  readonly sentMs: number;
  /** How many bytes headgate had read from the connection by then. */
  readonly readBefore: number;
  /** When headgate had written all of it. */
  wholeMs: number | undefined;
  contentLeft: number;
  /** Where its response's header section and its end stand in the bytes of the connection; Infinity while they were not sent. */
  headAt: number;
  endAt: number;
  isSwitched: boolean;
  /** Bytes had arrived by then that headgate had not read: it could not know of them. */
  readonly isCrossed: boolean;
  readonly plan: ResponsePlan;
}

/** A request of a client. */
export interface Asked {
  readonly id: string;
  readonly plan: RequestPlan;
  readonly client: number;
  /** The connection that it came on. */
  readonly from: MemoryHandle;
  readonly method: string;
  readonly path: string;
  /** When headgate could know all of its header section. */
  arrivedMs: number | undefined;
  sentAllMs: number | undefined;
  begun: number;
  observed: Exchange | undefined;
  observedMs: number | undefined;
  readonly sends: Send[];
  /** How often the kernel took nothing of it, because the connection was reset. */
  refused: number;
  /** It was turned away when there was room. */
  wasRoomy: boolean;
  response: "none" | "begun" | "whole" | "broken";
  /** Of a response of headgate's own. */
  localStatus: number | undefined;
}

/** A connection to the upstream that carries a login. */
export interface Login {
  readonly handle: MemoryHandle;
  /** The client's connection that it belongs to. */
  readonly from: MemoryHandle;
  isOpen(): boolean;
}

/** What was drawn and what came of it, by kind. */
export type Counts = Map<string, number>;

/** Collects what is seen and says what is wrong. */
export class Ledger {
  readonly violations: string[] = [];
  readonly asked = new Map<string, Asked>();
  readonly counts: Counts;
  readonly settings: Settings;
  readonly trace: string[] = [];
  isTraced = false;
  isStopping = false;
  hasReloaded = false;
  hasBadDial = false;
  private ended: Asked[] = [];
  /** The last login of each client. */
  readonly logins = new Map<number, Login>();
  readonly goneClients = new Set<number>();
  /** Clients whose bytes headgate may give up on: they take too little. */
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

  /** A header section reaches the upstream's connection. */
  noteSend(send: Send): void {
    this.count("sends");
    const asked = this.asked.get(send.id);
    if (asked === undefined) return this.fail(`the upstream got a request that no client sent`);
    this.note(`send ${send.id} ${send.key} as request ${send.index} of its connection`);
    if (asked.observed !== undefined) this.fail(`${send.id} was sent after its end`);
    this.checkRepeat(asked, send);
    asked.sends.push(send);
  }

  private checkRepeat(asked: Asked, send: Send): void {
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
    if (last.wholeMs !== undefined && loop.nowMs > last.wholeMs + this.settings.responseMs + 1)
      this.fail(`${id} was sent again after its time`);
  }

  noteRefused(asked: Asked): void {
    this.count("writes refused");
    this.note(`${asked.id} is written behind a reset`);
    asked.refused += 1;
  }

  /** Those that were observed since the last time. */
  takeEnded(): readonly Asked[] {
    const { ended } = this;
    this.ended = [];
    return ended;
  }

  /** How long a connection may rest at most: the operator may have changed it. */
  keptMs(): number {
    const { keepAliveMs } = this.settings;
    return this.hasReloaded ? Math.max(keepAliveMs, CHANGE.keepAliveMs) : keepAliveMs;
  }

  /** Whether headgate has fewer requests at a time than it has places for. */
  isRoomy({ plan }: Asked): boolean {
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
    // One that takes its response slowly was turned away some time ago.
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
