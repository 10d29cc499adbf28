/** The model of an upstream: follows the schedule, and checks the bytes that headgate sends. */

import type { MemoryHandle, Peer } from "./handle.ts";
import type { ClientRequest, Ledger, Send } from "./ledger.ts";
import { loop } from "./loop.ts";
import { type Message, MessageReader, toContent } from "./message.ts";
import type { ConnectPlan, RequestPlan, ResponsePlan } from "./schedule.ts";
import { type Taker, createTaker } from "./taker.ts";

/** The reason phrases of the statuses. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  206: "Partial Content",
  304: "Not Modified",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  503: "Service Unavailable",
};

const START = /^([A-Z]+) (\S+) HTTP\/1\.1\r\n/;

const PLAIN_BYTES = 20;

/** Makes the upstream accept a connection. */
export function acceptConnection(ledger: Ledger, handle: MemoryHandle, plan: ConnectPlan): Peer {
  return new UpstreamPeer(ledger, handle, plan);
}

/** One connection, from the upstream's side. */
class UpstreamPeer implements Peer {
  private readonly ledger: Ledger;
  private readonly handle: MemoryHandle;
  private readonly taker: Taker;
  private readonly reader: MessageReader;
  private current: Send | undefined = undefined;
  private requests = 0;
  private pushed = 0;
  private isSilent = false;
  private isClosed = false;
  private owner: number | undefined = undefined;
  private tunnel: { readonly id: string; seen: string } | undefined = undefined;
  readonly openedMs = loop.nowMs;

  constructor(ledger: Ledger, handle: MemoryHandle, plan: ConnectPlan) {
    this.ledger = ledger;
    this.handle = handle;
    handle.peer = this;
    if (plan.readBytes !== undefined) handle.readBytes = plan.readBytes;
    this.taker = createTaker(handle, plan.takes);
    this.reader = new MessageReader({
      onHead: (message) => this.onHead(message),
      onEnd: (message) => this.onRequest(message),
      onRaw: (text) => this.onTunnelled(text),
      onMalformed: (what) => ledger.fail(`a request to the upstream has a wrong ${what}`),
    });
    if (plan.unsolicited === true) loop.at(0, () => this.pushUnasked());
  }

  /** Whether it has responded and waits for the next request, as far as headgate can know. */
  isIdle(): boolean {
    const { current } = this;
    return (
      this.requests > 0 &&
      (current === undefined ||
        (current.completeMs !== undefined && this.handle.bytesRead >= current.endAt))
    );
  }

  onBytes(text: string): void {
    this.taker.took(text.length);
    // A closed socket responds to further bytes with a reset.
    if (this.isClosed) loop.at(0, () => this.handle.receiveReset());
    this.reader.push(text);
  }

  onFin(): void {
    if (this.tunnel === undefined || this.isSilent) return;
    // All bytes of the client are here; the upstream ends its side after its own bytes.
  }

  onClosed(): void {
    this.isSilent = true;
  }

  onWritten(text: string): void {
    const [start] = START.exec(text) ?? [];
    const { current } = this;
    if (start !== undefined && this.tunnel === undefined) return this.onSend(text);
    if (current === undefined || current.completeMs !== undefined) return;
    this.noteContent(current, text);
  }

  onRefused(text: string): void {
    const id = /\r\nX-Request-Id: (\S+)\r\n/.exec(text)?.[1] ?? "";
    const asked = this.ledger.asked.get(id);
    if (START.test(text) && asked !== undefined) this.ledger.noteRefused(asked);
  }

  // oxlint-disable-next-line complexity -- one line for each thing that is known of a request
  private onSend(text: string): void {
    const end = text.indexOf("\r\n\r\n") + 4;
    const [, method = "", path = ""] = START.exec(text) ?? [];
    const id = /\r\nX-Request-Id: (\S+)\r\n/.exec(text)?.[1] ?? "";
    const asked = this.ledger.asked.get(id);
    const key = `${method}${text.lastIndexOf("\r\nRange: ", end) === -1 ? "" : " range"}`;
    if (this.current !== undefined && !this.isIdle())
      this.ledger.fail(`${id} was sent on a connection that serves ${this.current.id}`);
    const { content } = asked?.plan ?? {};
    const send: Send = {
      id,
      key,
      method,
      handle: this.handle,
      index: this.requests,
      sentMs: loop.nowMs,
      readBefore: this.handle.bytesRead,
      completeMs: content === undefined ? loop.nowMs : undefined,
      contentLeft: content === undefined || asked?.method === "HEAD" ? 0 : content.bytes,
      headAt: Infinity,
      endAt: Infinity,
      isSwitched: false,
      isCrossed: this.handle.unread() > 0,
      plan: asked?.plan.responses?.[asked.sends.length] ?? {},
    };
    this.checkSend(send, asked?.client);
    if (asked !== undefined && path !== asked.path)
      this.ledger.fail(`${id} asks the upstream for ${path}`);
    this.current = send;
    this.requests += 1;
    this.ledger.noteSend(send);
    if (text.includes("\r\nAuthorization: NTLM")) this.logIn(asked);
    this.noteContent(send, text.slice(end));
  }

  private logIn(asked: ClientRequest | undefined): void {
    if (asked === undefined) return;
    this.owner = asked.client;
    const { handle } = this;
    const isOpen = (): boolean => !this.isSilent && !this.isClosed && !handle.isClosed;
    this.ledger.logins.set(asked.client, { handle, from: asked.from, isOpen });
  }

  private noteContent(send: Send, text: string): void {
    const { content } = this.ledger.asked.get(send.id)?.plan ?? {};
    if (content?.framing === "chunked") {
      if (text.endsWith("0\r\n\r\n")) send.completeMs = loop.nowMs;
      return;
    }
    send.contentLeft -= text.length;
    if (send.contentLeft === 0) send.completeMs = loop.nowMs;
  }

  private onHead({ fields }: Message): "none" | "chunked" | number {
    const send = this.current;
    const asked = send && this.ledger.asked.get(send.id);
    if (send === undefined || asked === undefined || fields.get("x-request-id") !== send.id) {
      this.ledger.fail("a request reaches the upstream in pieces of others");
      return "none";
    }
    if (send.plan.early === true) this.respondLater(send, asked.plan, fields);
    else if (fields.has("expect") && send.plan.version !== "1.0")
      this.push("HTTP/1.1 100 Continue\r\n\r\n");
    if (fields.get("transfer-encoding") === "chunked") return "chunked";
    return Number(fields.get("content-length") ?? 0) || "none";
  }

  // oxlint-disable-next-line complexity -- one rule after the other
  private checkSend(send: Send, client: number | undefined): void {
    const { settings } = this.ledger;
    if (this.owner !== undefined && this.owner !== client)
      this.ledger.fail(`${send.id} was sent on a connection with the login of another client`);
    const own = client === undefined ? undefined : this.ledger.logins.get(client);
    if (own?.isOpen() === true && own.handle !== this.handle && !this.ledger.hasReloaded)
      this.ledger.fail(
        `${send.id} was sent beside the connection that its client has logged in on`,
      );
    if (send.index === 0) return;
    this.ledger.count("reused");
    // headgate subtracts a second for network delay, so that no time is left.
    if (this.current?.plan.says !== undefined)
      this.ledger.fail(`${send.id} was sent on a connection that was to be closed`);
    const idleSinceMs = Math.max(
      this.handle.readMs,
      this.handle.writtenMs,
      this.current?.completeMs ?? 0,
    );
    if (loop.nowMs > idleSinceMs + this.ledger.maxIdleMs() + 1)
      this.ledger.fail(`${send.id} was sent on a connection that was kept too long`);
    if (settings.maxAgeMs > 0 && loop.nowMs > this.openedMs + settings.maxAgeMs + 1)
      this.ledger.fail(`${send.id} was sent on a connection that was too old`);
  }

  private onRequest(message: Message): void {
    const send = this.current;
    if (send === undefined) return;
    const asked = this.ledger.asked.get(send.id);
    if (asked === undefined) return;
    const { content } = asked.plan;
    const expected = toContent(send.id, content === undefined ? 0 : content.bytes);
    if (message.content !== expected)
      this.ledger.fail(`the content of ${send.id} is not what was sent`);
    if (send.plan.early !== true) this.respondLater(send, asked.plan, message.fields);
  }

  private respondLater(send: Send, request: RequestPlan, fields: Message["fields"]): void {
    loop.at(send.plan.waitMs ?? 0, () => this.respond(send, request, fields));
  }

  private respond(send: Send, request: RequestPlan, fields: Message["fields"]): void {
    if (this.isSilent || send !== this.current) return;
    const { plan } = send;
    if (plan.stops?.at === "before") return this.stop(plan.stops.how);
    for (let count = plan.interims ?? 0; count > 0; count -= 1)
      this.push(`HTTP/1.1 103 Early Hints\r\nX-For: ${send.id}\r\n\r\n`);
    if (request.upgrade !== undefined && fields.has("upgrade") && plan.refuses !== true)
      return this.switchProtocol(send, request);
    const { head, content } = this.toResponse(send, request, fields);
    if (plan.stops?.at === "head") {
      this.push(head.slice(0, Math.floor(head.length / 2)));
      return this.stop(plan.stops.how);
    }
    this.push(head);
    send.headAt = this.pushed;
    this.pushPieces(send, content);
  }

  // oxlint-disable-next-line complexity -- one line for each thing that a plan may say
  private toResponse(
    { id, method, plan }: Send,
    request: RequestPlan,
    fields: Message["fields"],
  ): { head: string; content: readonly string[] } {
    const isRefused = method === "HEAD" && plan.status === 405;
    const bytes = plan.bytes ?? PLAIN_BYTES;
    const isPart = fields.has("range") && plan.status === undefined;
    const status = isPart ? 206 : (plan.status ?? 200);
    const isBare = method === "HEAD" || status === 204 || status === 304;
    const whole = toContent(id, isRefused ? 0 : bytes);
    const body = isBare ? "" : isPart ? whole.slice(0, 1) : whole;
    const lines = [
      `HTTP/${plan.version ?? "1.1"} ${status} ${REASONS[status]}`,
      `X-For: ${id}`,
      `X-Path: ${this.ledger.asked.get(id)?.path ?? ""}`,
      `X-Size: ${bytes}`,
      "Cache-Control: max-age=60",
    ];
    if (isPart) lines.push(`Content-Range: bytes 0-0/${bytes}`);
    if (request.login === true && status === 401) {
      lines.push("WWW-Authenticate: NTLM");
      this.logIn(this.ledger.asked.get(id));
    }
    if (plan.says === "close") lines.push("Connection: close");
    if (plan.says === "timeout") lines.push("Keep-Alive: timeout=1");
    const framing = framingOf(plan);
    if (status === 204) {
      // RFC 9110 §8.6: no framing.
    } else if (framing === "chunked") lines.push("Transfer-Encoding: chunked");
    else if (framing === undefined)
      lines.push(`Content-Length: ${isPart ? body.length : whole.length}`);
    return { head: `${lines.join("\r\n")}\r\n\r\n`, content: cut(body, plan, isBare) };
  }

  private pushPieces(send: Send, pieces: readonly string[]): void {
    const { plan } = send;
    const isBare = send.method === "HEAD" || plan.status === 204 || plan.status === 304;
    if (isBare || (pieces.length === 0 && framingOf(plan) !== "close")) send.endAt = this.pushed;
    let next = 0;
    const step = (): void => {
      if (this.isSilent || send !== this.current) return;
      if (plan.stops !== undefined && plan.stops.at === next) {
        // Garbage can be distinguished from content only between chunks.
        const isHidden = plan.stops.how === "garbage" && framingOf(plan) !== "chunked";
        return this.stop(isHidden ? "silent" : plan.stops.how);
      }
      const piece = pieces[next];
      if (piece === undefined) return this.endResponse(send);
      next += 1;
      this.push(piece);
      if (next === pieces.length && framingOf(plan) !== "close") send.endAt = this.pushed;
      if (next === pieces.length && plan.stops?.at !== next) this.endResponse(send);
      else loop.at(plan.gapMs ?? 0, step);
    };
    if ((plan.gapMs ?? 0) === 0 || pieces.length === 0) step();
    else loop.at(plan.gapMs ?? 0, step);
  }

  private endResponse(send: Send): void {
    const { plan } = send;
    send.endAt = this.pushed;
    if (framingOf(plan) === "close" || plan.says === "close") return this.close();
    const { after } = plan;
    if (after === undefined) return;
    loop.at(after.afterMs, () => {
      if (this.isSilent) return;
      this.ledger.count(`after ${after.what}`);
      if (after.what.startsWith("unasked")) this.pushUnasked();
      if (after.what !== "unasked") this.stop(after.what === "unasked-end" ? "close" : after.what);
    });
  }

  private pushUnasked(): void {
    // headgate could not distinguish it from the response to a request that is on its way.
    if (this.isSilent || (this.requests > 0 && !this.isIdle())) return;
    this.push("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }

  private stop(how: NonNullable<ResponsePlan["stops"]>["how"] | "unasked"): void {
    this.ledger.note(`the upstream stops: ${how}`);
    if (how === "end") {
      this.isSilent = true;
      this.handle.receiveEnd();
    } else if (how === "close") this.close();
    else if (how === "reset") {
      this.isSilent = true;
      this.handle.receiveReset();
    } else if (how === "garbage") this.push("\0no HTTP\nat all\r\n\r\n");
    else this.isSilent = true;
  }

  private close(): void {
    this.isClosed = true;
    this.isSilent = true;
    this.handle.receiveEnd();
  }

  private push(text: string): void {
    this.pushed += text.length;
    this.handle.receive(text);
  }

  // --- tunnels -------------------------------------------------------------------------------------------------------------

  private switchProtocol(send: Send, { upgrade = {} }: RequestPlan): void {
    const { id } = send;
    send.isSwitched = true;
    this.tunnel = { id, seen: "" };
    this.reader.turnRaw();
    this.push(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-For: ${id}\r\n\r\n`,
    );
    send.headAt = this.pushed;
    const pieces = cut(toContent(`u${id}`, upgrade.upstreamBytes ?? 0), { pieces: 3 }, false);
    let next = 0;
    const step = (): void => {
      if (this.isSilent) return;
      const piece = pieces[next];
      next += 1;
      if (piece !== undefined) {
        this.push(piece);
        loop.at(upgrade.gapMs ?? 0, step);
      } else if (upgrade.ends === "upstream") this.stop(upgrade.how ?? "end");
    };
    step();
  }

  private onTunnelled(text: string): void {
    const { tunnel } = this;
    if (tunnel === undefined) return;
    tunnel.seen += text;
    const { plan } = this.ledger.asked.get(tunnel.id) ?? {};
    if (!toContent(`c${tunnel.id}`, plan?.upgrade?.clientBytes ?? 0).startsWith(tunnel.seen))
      this.ledger.fail(`the tunnel of ${tunnel.id} carries other bytes to the upstream`);
  }
}

function framingOf({ framing, version }: Pick<ResponsePlan, "framing" | "version">) {
  return version === "1.0" ? "close" : framing;
}

function cut(
  body: string,
  plan: Pick<ResponsePlan, "framing" | "pieces" | "version">,
  isBare: boolean,
): readonly string[] {
  const { pieces = 1 } = plan;
  if (isBare) return [];
  const size = Math.max(1, Math.ceil(body.length / pieces));
  const parts: string[] = [];
  for (let at = 0; at < body.length; at += size) parts.push(body.slice(at, at + size));
  if (framingOf(plan) !== "chunked") return parts;
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return [...chunks.slice(0, -1), `${chunks.at(-1) ?? ""}0\r\n\r\n`];
}
