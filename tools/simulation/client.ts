/** The model of a client: sends requests by the schedule, and judges the responses. */

import { MemoryHandle, type Peer } from "./handle.ts";
import type { ClientRequest, Ledger } from "./ledger.ts";
import { loop } from "./loop.ts";
import { type Message, MessageReader, toContent } from "./message.ts";
import { network } from "./net.ts";
import type { ClientPlan, RequestPlan } from "./schedule.ts";
import { type Taker, createTaker } from "./taker.ts";

/** Makes a client connect at its time. */
export function startClient(ledger: Ledger, plan: ClientPlan, number: number): Peer {
  return new ClientPeer(ledger, plan, number);
}

/** One connection, from the client's side. */
class ClientPeer implements Peer {
  readonly handle = new MemoryHandle();
  private readonly ledger: Ledger;
  private readonly plan: ClientPlan;
  private readonly number: number;
  private readonly reader: MessageReader;
  private readonly taker: Taker;
  private readonly sent: ClientRequest[] = [];
  /** The response that is being received. */
  private current:
    | { readonly asked: ClientRequest; readonly id: string; readonly size: number }
    | undefined = undefined;
  private next = 0;
  private isLeft = false;
  private isClosed = false;
  private sendContent: (() => void) | undefined = undefined;
  private tunnelled: { readonly asked: ClientRequest; seen: string } | undefined = undefined;

  constructor(ledger: Ledger, plan: ClientPlan, number: number) {
    this.ledger = ledger;
    this.plan = plan;
    this.number = number;
    this.handle.peer = this;
    this.handle.remote = { address: "10.0.0.1", port: 1_000 + number };
    this.handle.readMs = loop.nowMs;
    if (plan.readBytes !== undefined) this.handle.readBytes = plan.readBytes;
    this.taker = createTaker(this.handle, plan.takes);
    this.reader = new MessageReader({
      onHead: (message) => this.onHead(message),
      onEnd: (message) => this.onResponse(message),
      onRaw: (text) => this.onTunnelled(text),
      onMalformed: (what) => ledger.fail(`a response to client ${number} has a wrong ${what}`),
    });
    if (plan.takes !== undefined) ledger.slowClients.add(number);
    loop.at(plan.atMs ?? 0, () => loop.post({ poll: () => this.connect() }));
  }

  private connect(): void {
    this.handle.takenMs = loop.nowMs;
    this.handle.readMs = loop.nowMs;
    if (network.server?.accept(this.handle) !== true) {
      this.isLeft = true;
      this.ledger.goneClients.add(this.number);
      return;
    }
    const { leaves } = this.plan;
    if (leaves !== undefined) loop.at(leaves.atMs, () => this.leave(leaves.how));
    this.sendNext();
  }

  private leave(how: "end" | "close" | "reset"): void {
    if (this.isLeft || this.handle.isClosed) return;
    this.isLeft = true;
    this.ledger.note(`client ${this.number} leaves: ${how}`);
    this.ledger.count(`client leaves: ${how}`);
    this.ledger.goneClients.add(this.number);
    if (how === "reset") return this.handle.receiveReset();
    this.isClosed = how === "close";
    this.handle.receiveEnd();
  }

  // --- requests ------------------------------------------------------------------------------------------------------------

  private sendNext(): void {
    const request = this.plan.requests[this.next];
    if (request === undefined || this.isLeft || this.handle.isClosed) return;
    const last = this.sent.at(-1);
    // Bytes after an upgrade request belong to the new protocol, and bytes after incomplete content to that content.
    if (last?.plan.upgrade !== undefined && this.plan.pipelined === true) return;
    if (last !== undefined && last.sentAllMs === undefined) return;
    const number = (this.next += 1);
    loop.at(request.gapMs ?? 0, () => {
      if (this.isLeft || this.handle.isClosed || this.tunnelled !== undefined) return;
      this.send(request, `c${this.number}r${number}`);
    });
  }

  private send(plan: RequestPlan, id: string): void {
    const { content, upgrade, shared } = plan;
    const method = plan.method ?? (content === undefined ? "GET" : "POST");
    const path = shared === undefined ? `/${id}` : `/shared/${shared}`;
    const lines = [`${method} ${path} HTTP/${this.plan.version ?? "1.1"}`, "Host: app"];
    lines.push(`X-Request-Id: ${id}`);
    if (content !== undefined)
      lines.push(
        content.framing === "chunked"
          ? "Transfer-Encoding: chunked"
          : `Content-Length: ${content.bytes}`,
      );
    if (content?.expects === true) lines.push("Expect: 100-continue");
    if (upgrade !== undefined) lines.push("Connection: Upgrade", "Upgrade: echo");
    if (plan.login === true) lines.push("Authorization: NTLM abc");
    const asked: ClientRequest = {
      id,
      plan,
      from: this.handle,
      client: this.number,
      method,
      path,
      arrivedMs: undefined,
      sentAllMs: undefined,
      begun: 0,
      observed: undefined,
      observedMs: undefined,
      sends: [],
      refused: 0,
      wasRoomy: false,
      response: "none",
      localStatus: undefined,
    };
    this.ledger.asked.set(id, asked);
    this.ledger.count("requests");
    this.ledger.count(`request ${upgrade === undefined ? method : "upgrade"}`);
    this.sent.push(asked);
    this.ledger.note(`client ${this.number} sends ${id}: ${method} ${path}`);
    this.handle.receive(`${lines.join("\r\n")}\r\n\r\n`);
    if (content === undefined) {
      this.noteSentAll(asked);
      return;
    }
    const go = (): void => this.pushContent(asked, content);
    if (content.expects === true) this.sendContent = go;
    else go();
  }

  private noteSentAll(asked: ClientRequest): void {
    asked.sentAllMs = loop.nowMs;
    if (this.plan.pipelined === true || asked.response === "whole") this.sendNext();
  }

  private pushContent(asked: ClientRequest, content: NonNullable<RequestPlan["content"]>): void {
    const { bytes, framing, pieces = 1, gapMs = 0, stopsAfter = Infinity } = content;
    const body = toContent(asked.id, bytes);
    const size = Math.max(1, Math.ceil(bytes / pieces));
    let at = 0;
    let count = 0;
    const step = (): void => {
      if (this.isLeft || this.handle.isClosed || count >= stopsAfter) return;
      const piece = body.slice(at, at + size);
      at += size;
      count += 1;
      const isLast = at >= bytes;
      const text =
        framing === "chunked"
          ? `${piece.length.toString(16)}\r\n${piece}\r\n${isLast ? "0\r\n\r\n" : ""}`
          : piece;
      this.handle.receive(text);
      if (isLast) this.noteSentAll(asked);
      else loop.at(gapMs, step);
    };
    step();
  }

  // --- responses -----------------------------------------------------------------------------------------------------------

  onWritten(): void {}

  onRefused(): void {}

  onBytes(text: string): void {
    this.taker.took(text.length);
    if (this.isClosed) loop.at(0, () => this.handle.receiveReset());
    this.reader.push(text);
  }

  // oxlint-disable-next-line complexity -- one case after the other of what a response may be
  private onHead(message: Message): "none" | "chunked" | "close" | "raw" | number {
    const { fields, first } = message;
    const status = Number(first.split(" ")[1]);
    const asked = this.sent.find(({ response }) => response === "none" || response === "begun");
    if (asked === undefined) {
      // A malformed request that headgate refused has no exchange here.
      if (status < 400) this.ledger.fail(`client ${this.number} got a response to no request`);
      return framingOf(fields);
    }
    const id = fields.get("x-for");
    this.ledger.note(`client ${this.number} gets ${status} of ${id} for ${asked.id}`);
    if (id !== undefined && id !== asked.id) this.checkShared(asked, id, fields);
    // All requests have different ids.
    if (id !== undefined && id !== asked.id && status >= 500)
      this.ledger.fail(`${asked.id} got the error of ${id}`);
    if (status === 100) {
      this.sendContent?.();
      this.sendContent = undefined;
      return "none";
    }
    if (status < 200 && status !== 101) return "none";
    asked.response = "begun";
    this.sendContent = undefined;
    if (id === undefined) asked.localStatus = status;
    if (status === 101) {
      this.tunnelled = { asked, seen: "" };
      asked.response = "whole";
      this.startTunnel(asked);
      return "raw";
    }
    this.current = { asked, id: id ?? "", size: Number(fields.get("x-size") ?? -1) };
    const isBare = asked.method === "HEAD" || status === 204 || status === 304;
    const length = fields.get("content-length");
    if (asked.method === "HEAD" && id !== undefined && status === 200 && length !== undefined)
      if (length !== fields.get("x-size"))
        this.ledger.fail(`${asked.id}, a HEAD, has the length ${length}`);
    return isBare ? "none" : framingOf(fields);
  }

  private checkShared(asked: ClientRequest, id: string, fields: Message["fields"]): void {
    const isShared = asked.method === "HEAD" && this.ledger.settings.shareMs > 0;
    const leader = this.ledger.asked.get(id);
    if (!isShared || leader?.method !== "HEAD" || fields.get("x-path") !== asked.path)
      this.ledger.fail(`${asked.id} got the response to ${id}`);
  }

  private onResponse(message: Message): void {
    const { current } = this;
    if (current === undefined) return; // an interim response
    this.current = undefined;
    const { asked, id, size } = current;
    asked.response = "whole";
    this.checkContent(message, asked, { id, size });
    this.ledger.note(`client ${this.number} has all of ${asked.id}`);
    if (this.plan.pipelined !== true) this.sendNext();
    if (this.sent.every(({ response }) => response === "whole")) this.leaveIfDone();
  }

  private leaveIfDone(): void {
    if (this.sent.length < this.plan.requests.length || this.plan.stays === true) return;
    loop.at(1, () => {
      if (this.isLeft) return;
      this.isLeft = true;
      this.isClosed = true;
      this.ledger.goneClients.add(this.number);
      this.handle.receiveEnd();
    });
  }

  // oxlint-disable-next-line complexity -- one exception after the other
  private checkContent(
    { content, isComplete }: Message,
    asked: ClientRequest,
    { id, size }: { readonly id: string; readonly size: number },
  ): void {
    if (id === "") return;
    const send = asked.sends.at(-1);
    if (content !== toContent(id, content.length))
      this.ledger.fail(`${asked.id} got content that is not its own`);
    if (asked.method === "HEAD" || !isComplete) return;
    const [status304] = [send?.plan.status === 204 || send?.plan.status === 304];
    if (status304) return;
    const isClose = send?.plan.framing === "close" || send?.plan.version === "1.0";
    if (content.length < size && !(isClose && send.handle.isEnded && !send.handle.isReset))
      this.ledger.fail(`${asked.id} got ${content.length} of ${size} bytes as if they were all`);
  }

  onFin(): void {
    this.finish("orderly");
  }

  onClosed(how: "orderly" | "reset"): void {
    this.finish(how);
  }

  private finish(how: "orderly" | "reset"): void {
    this.ledger.note(`client ${this.number} sees the end: ${how}`);
    const unfinished = this.reader.unfinished();
    if (how === "orderly") this.reader.end();
    if (unfinished === undefined || unfinished.isComplete || this.current === undefined) return;
    const { asked, id, size } = this.current;
    this.current = undefined;
    asked.response = "broken";
    this.ledger.count("broken off");
    this.checkContent(unfinished, asked, { id, size });
  }

  // --- tunnels -------------------------------------------------------------------------------------------------------------

  private startTunnel({ id, plan: { upgrade = {} } }: ClientRequest): void {
    const body = toContent(`c${id}`, upgrade.clientBytes ?? 0);
    const size = Math.max(1, Math.ceil(body.length / 3));
    let at = 0;
    const step = (): void => {
      if (this.isLeft || this.handle.isClosed) return;
      if (at < body.length) {
        this.handle.receive(body.slice(at, at + size));
        at += size;
        loop.at(upgrade.gapMs ?? 0, step);
      } else if (upgrade.ends === "client") this.leave(upgrade.how ?? "end");
    };
    loop.at(0, step);
  }

  private onTunnelled(text: string): void {
    const { tunnelled } = this;
    if (tunnelled === undefined) return;
    tunnelled.seen += text;
    const { asked, seen } = tunnelled;
    if (!toContent(`u${asked.id}`, asked.plan.upgrade?.upstreamBytes ?? 0).startsWith(seen))
      this.ledger.fail(`the tunnel of ${asked.id} carries other bytes to the client`);
  }
}

function framingOf(fields: Message["fields"]): "chunked" | "close" | number {
  if (fields.get("transfer-encoding") === "chunked") return "chunked";
  const length = fields.get("content-length");
  return length === undefined ? "close" : Number(length);
}
