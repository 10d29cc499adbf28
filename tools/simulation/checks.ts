/** Invariants that must hold whenever nothing is left to do at a moment, and at the end. */

import { inspect } from "node:util";

import type { ErrorCode } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import type { MemoryHandle } from "./handle.ts";
import { network } from "./handle.ts";
import type { ClientRequest, Ledger, Send } from "./ledger.ts";
import { loop } from "./loop.ts";
import type { Subject } from "./subject.ts";

/** A timer may be armed a millisecond late, and counts whole milliseconds. */
const TICK_MS = 2;

/** Checks the limits of time and the counts. */
// oxlint-disable-next-line complexity -- one rule after the other
export function checkMoment(ledger: Ledger, subject: Subject): void {
  const { idle, active } = subject.poolCounts();
  if (idle + active !== subject.opened.size)
    ledger.fail(`the pool counts ${idle} + ${active} of ${subject.opened.size} connections`);
  if (subject.opened.size > ledger.settings.maxConnections && !ledger.hasReloaded)
    ledger.fail(`${subject.opened.size} connections are open`);
  for (const one of subject.opened)
    if (!one.isConnected && loop.nowMs > one.openedMs + ledger.settings.connectMs + TICK_MS)
      ledger.fail("a connection is being opened for too long");
  let tunnels = 0;
  for (const asked of ledger.asked.values()) {
    if (asked.observed !== undefined) continue;
    if (asked.response === "whole" && asked.sends.at(-1)?.isSwitched === true) tunnels += 1;
    checkAsked(ledger, asked);
  }
  checkWaiting(ledger, subject);
  for (const { from, isOpen } of ledger.logins.values())
    if (from.isClosed && isOpen()) ledger.fail("a connection with a login outlives its client");
  if (subject.tunnels.count() < tunnels - 1) ledger.fail("a tunnel is not counted");
}

/** Whether HEADs may wait for the response to another one. */
function mayWait({ settings }: Ledger): boolean {
  return settings.shareMs > 0 || settings.head === "auto" || settings.range === "probe";
}

/** A request may wait only while all slots are in use. */
// oxlint-disable-next-line complexity -- one exception after the other
function checkWaiting(ledger: Ledger, { opened, poolCounts }: Subject): void {
  const { maxConnections } = ledger.settings;
  if (ledger.hasReloaded) return;
  let unsent = 0;
  for (const { begun, observed, sends, from, response, method, client } of ledger.asked.values()) {
    if (begun === 0 || observed !== undefined || sends.length > 0) continue;
    // It waits for its own connection, also if the upstream has stopped and headgate cannot detect that yet.
    if (ledger.logins.get(client)?.handle.isClosed === false) continue;
    if (response !== "none" || from.isClosed || from.unsent() > 0) continue;
    if (method !== "HEAD" || !mayWait(ledger)) unsent += 1;
  }
  const connecting = [...opened].filter(({ isConnected }) => !isConnected).length;
  if (unsent <= connecting) return;
  if (opened.size < maxConnections || poolCounts().idle > 0)
    ledger.fail(`${unsent - connecting} requests wait although there is a place for them`);
}

function checkAsked(ledger: Ledger, asked: ClientRequest): void {
  const { settings } = ledger;
  const send = asked.sends.at(-1);
  if (send === undefined) return checkUnsent(ledger, asked);
  const first = asked.sends.find(({ key }) => key === send.key) ?? send;
  if (send.handle.isClosed) return;
  const hasResponse = send.handle.bytesRead >= send.headAt;
  if (!hasResponse && first.completeMs !== undefined) {
    // Content counts as sent once the upstream has read it.
    if (send.handle.unsent() > 0) return;
    const hasContent = asked.plan.content !== undefined;
    const sentMs = hasContent
      ? Math.max(first.completeMs, send.handle.writtenMs)
      : first.completeMs;
    if (loop.nowMs > sentMs + settings.responseMs + TICK_MS)
      ledger.fail(`${asked.id} has waited too long for its response`);
  } else if (hasResponse && !send.isSwitched) checkIdle(ledger, asked, send);
}

function checkIdle(
  { settings, fail }: Ledger,
  asked: ClientRequest,
  { handle, endAt }: Send,
): void {
  if (settings.idleMs === 0 || handle.bytesRead >= endAt) return;
  if (handle.isPaused() || handle.unread() > 0) return;
  if (loop.nowMs > Math.max(handle.readMs, handle.takenMs) + settings.idleMs + TICK_MS)
    fail(`the response to ${asked.id} stands still for too long`);
}

function checkUnsent(ledger: Ledger, { id, arrivedMs, plan, from }: ClientRequest): void {
  const { responseMs, connectMs } = ledger.settings;
  if (arrivedMs === undefined || (plan.method === "HEAD" && mayWait(ledger))) return;
  if (from.unsent() > 0) return; // its response is on its way
  if (loop.nowMs > arrivedMs + responseMs + 2 * connectMs + 2 * TICK_MS)
    ledger.fail(`${id} has waited too long to be sent`);
}

/** Errors that no request can cause, and the end of a client that waits. */
const OF_NO_REQUEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "client_gone",
  "connection_limit_reached",
  "connection_refused",
  "connection_timeout",
  "dns_error",
  "dns_timeout",
  "shutting_down",
]);

/** Checks the error that an exchange reports when it ends. */
// oxlint-disable-next-line complexity -- one case for each error
export function checkError(ledger: Ledger, asked: ClientRequest): void {
  const { observed, sends, id, arrivedMs = 0 } = asked;
  if (observed === undefined) return;
  const { settings } = ledger;
  const send = sends.at(-1);
  const code = observed.error?.code;
  const isServed = observed.status !== 0 || observed.error?.code === "client_gone";
  if (!isServed && !ledger.isStopping) ledger.fail(`${id} ended without a status`);
  // The error belongs to the client whose upstream request is shared, and came before the request was sent.
  if (observed.head === "shared" && code !== "proxy_internal_error") {
    if (code !== undefined && !OF_NO_REQUEST.has(code))
      ledger.fail(`${id} got the ${code} of another one`);
    return;
  }
  switch (code) {
    case undefined:
      return;
    case "shutting_down":
      if (!ledger.isStopping) ledger.fail(`${id} was cut off although headgate goes on`);
      return;
    case "proxy_internal_error":
      return ledger.fail(`${id}: ${observed.error?.message} ${inspect(observed.error?.cause)}`);
    case "connection_terminated":
    case "http_protocol_error":
    case "http_response_incomplete":
      if (send === undefined) {
        if (!ledger.hasBadDial) ledger.fail(`${id} failed with ${code} and was never sent`);
      } else if (code === "connection_terminated" && !isDead(send.handle) && !ledger.hasBadDial)
        ledger.fail(`${id} failed with ${code} on a connection that was alive`);
      return;
    case "http_response_timeout": {
      const first = sends[0];
      if (first === undefined) return ledger.fail(`${id} timed out and was never sent`);
      // When the time begins, content may still be in headgate's memory; the wait for a 100 (Continue) is part of the time.
      const { content } = asked.plan;
      const isAtOnce = content === undefined || content.expects === true;
      const beginMs = isAtOnce ? first.sentMs : (asked.sentAllMs ?? Infinity);
      if (loop.nowMs < Math.max(beginMs, first.sentMs) + settings.responseMs - TICK_MS)
        ledger.fail(`${id} timed out too early`);
      return;
    }
    case "connection_read_timeout":
      if (send === undefined) return ledger.fail(`${id} timed out and was never sent`);
      if (send.handle.unreadAtClose > 0)
        ledger.fail(`${id}: a response that was not read counts as silent`);
      // Bytes that arrive in the millisecond in which the limit ends may be too late.
      const { readMs, readBeforeMs } = send.handle;
      const lastMs = readMs === loop.nowMs ? readBeforeMs : readMs;
      if (loop.nowMs < lastMs + settings.idleMs - TICK_MS)
        ledger.fail(`the response to ${id} counts as silent too early`);
      return;
    case "connection_write_timeout":
      if (send !== undefined && loop.nowMs < send.handle.writtenMs + settings.idleMs - TICK_MS)
        ledger.fail(`the upstream of ${id} counts as stuck too early`);
      return;
    case "connection_limit_reached":
      // A HEAD that waits for another HEAD shares its slot in the queue, which that one took earlier.
      if (asked.method === "HEAD" && mayWait(ledger)) return;
      if (loop.nowMs < arrivedMs + settings.responseMs - TICK_MS && asked.wasRoomy)
        ledger.fail(`${id} was turned away although there was room`);
      return;
    case "client_gone":
      if (!ledger.isStopping && !ledger.goneClients.has(asked.client))
        if (!ledger.slowClients.has(asked.client))
          ledger.fail(`${id} says that its client has left`);
      return;
    default:
      ledger.count("other errors");
  }
}

/** Whether the exchange was still running when headgate's time to stop was over. */
function isCutOff({ isStopping }: Ledger, { error }: Exchange): boolean {
  return isStopping && error?.code === "shutting_down";
}

function isDead(handle: MemoryHandle): boolean {
  return handle.isEnded || handle.isReset;
}

/** Checks that no resource is left. */
export function checkEnd(ledger: Ledger, subject: Subject): void {
  if (!subject.isStopped()) ledger.fail("headgate does not stop");
  if (subject.unsettled() > 0) ledger.fail(`${subject.unsettled()} exchanges do not end`);
  const { idle, active } = subject.poolCounts();
  if (idle + active > 0) ledger.fail(`${idle} idle and ${active} active connections are left`);
  if (subject.opened.size > 0) ledger.fail(`${subject.opened.size} upstream sockets are left`);
  if (network.sockets.size > 0) ledger.fail(`${network.sockets.size} handles are left open`);
  if (subject.clientConnections() > 0) ledger.fail("client connections are left");
  if (subject.tunnels.count() > 0) ledger.fail(`${subject.tunnels.count()} tunnels are left`);
  if (loop.openTimers() > 0) ledger.fail(`${loop.openTimers()} timers are left`);
  for (const asked of ledger.asked.values()) checkOver(ledger, asked);
}

// oxlint-disable-next-line complexity -- one rule after the other
function checkOver(ledger: Ledger, asked: ClientRequest): void {
  const { id, begun, observed, response, localStatus, client } = asked;
  if (begun === 0) return;
  if (observed === undefined) return ledger.fail(`${id} was never observed`);
  const isKept = !ledger.goneClients.has(client) && !ledger.slowClients.has(client);
  const { error, status, tunnel } = observed;
  if (localStatus !== undefined && localStatus !== status)
    ledger.fail(`${id} got ${localStatus} and was observed as ${status}`);
  if (localStatus !== undefined && error === undefined && !asked.sends.at(-1)?.isCrossed)
    ledger.fail(`${id} got a ${localStatus} of nobody`);
  if (!isKept || tunnel || isCutOff(ledger, observed)) return;
  if (error === undefined && response !== "whole")
    ledger.fail(`${id} is said to be answered, and its client has it ${response}`);
  if (error !== undefined && response === "none" && error.code !== "client_gone")
    ledger.fail(`${id} failed with ${error.code}, and its client was not told`);
}
