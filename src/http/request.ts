/** A client's request, read and checked once: what node's parser lets through and another reader could take for something else stops here. */

import { ProxyError } from "./errors.ts";
import { type RequestFields, readRequestFields } from "./headers.ts";
import { parseTarget, toHost } from "./target.ts";

/** The header section as node hands it over. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawFields: readonly string[];
}

/** What this house needs of node's IncomingMessage. */
export interface ReceivedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** The header section under the RFC's names. */
export function toHead({
  method = "",
  url = "",
  httpVersion,
  rawHeaders,
}: ReceivedRequest): RequestHead {
  return { method, target: url, httpVersion, rawFields: rawHeaders };
}

/** A request that may be forwarded. */
export interface CheckedRequest {
  /** What the upstream is asked for, byte for byte, or `*`. */
  readonly path: string;
  readonly host: string | undefined;
  readonly fields: readonly string[];
  readonly framing: RequestFields["framing"];
  readonly upgrade: string | undefined;
  /** The client waits for 100 (Continue) before it sends its content. */
  readonly expectsContinue: boolean;
}

/**
 * Checks a request (RFC 9112 §3.2, §6.1).
 *
 * Throws a ProxyError: 400 for a bad target, Host or framing, 431 for more than `mostFields` fields, 501 for an unknown
 * coding, 417 for an unknown expectation, 505 for a version that is neither 1.0 nor 1.1.
 */
export function checkRequest(head: RequestHead, mostFields: number): CheckedRequest {
  const { method, httpVersion, rawFields } = head;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") {
    throw new ProxyError("http_request_error", {
      status: 505,
      title: "The request is not HTTP/1.1 or HTTP/1.0",
    });
  }
  if (rawFields.length > mostFields * 2) {
    throw new ProxyError("http_request_error", {
      status: 431,
      title: "The request has too many fields",
    });
  }
  const target = parseTarget(method, head.target);
  const { endToEnd, hosts, framing, upgrade } = readRequestFields(rawFields, httpVersion);
  const expectsContinue = isContinueExpected(rawFields, httpVersion);
  return {
    path: target.path,
    host: toHost(target, hosts, httpVersion),
    fields: endToEnd,
    framing,
    upgrade,
    expectsContinue: expectsContinue && framing !== "none",
  };
}

// RFC 9110 §10.1.1: one expectation is defined, and in HTTP/1.0 it means nothing.
function isContinueExpected(rawFields: readonly string[], httpVersion: string): boolean {
  if (httpVersion === "1.0") return false;
  let isExpected = false;
  for (let index = 0; index < rawFields.length; index += 2) {
    const name = rawFields[index] ?? "";
    if (name.length !== EXPECT.length || name.toLowerCase() !== EXPECT) continue;
    if (rawFields[index + 1]?.trim().toLowerCase() !== "100-continue") throw unknownExpectation();
    isExpected = true;
  }
  return isExpected;
}

const EXPECT = "expect";

function unknownExpectation(): ProxyError {
  return new ProxyError("http_request_error", {
    status: 417,
    title: "The request's expectation is not known here",
  });
}
