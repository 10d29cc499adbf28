/** What one run does, as data: it can be printed, replayed and made smaller. What is left out is the plain case. */

/** Limits of headgate; times are milliseconds. */
export interface Settings {
  readonly maxConnections: number;
  readonly waiting: number;
  readonly connectMs: number;
  readonly responseMs: number;
  /** Of the upstream's side; 0: no limit. */
  readonly idleMs: number;
  readonly keepAliveMs: number;
  /** 0: no limit. */
  readonly maxAgeMs: number;
  /** Of the client's side. */
  readonly clientIdleMs: number;
  readonly clientKeepAliveMs: number;
  readonly headerMs: number;
  readonly tunnelIdleMs: number;
  readonly tunnels: number;
  readonly head: "convert" | "auto" | "pass";
  readonly range: "strip" | "probe";
  readonly contentLength: "keep" | "measure";
  readonly shareMs: number;
  readonly drainBytes: number;
  readonly drainMs: number;
}

/** The limits of a schedule that sets none: so long that they hold nothing up. */
export const PLAIN: Settings = {
  maxConnections: 8,
  waiting: 8,
  connectMs: 50,
  responseMs: 200,
  idleMs: 100,
  keepAliveMs: 300,
  maxAgeMs: 0,
  clientIdleMs: 150,
  clientKeepAliveMs: 1_000,
  headerMs: 500,
  tunnelIdleMs: 300,
  tunnels: 8,
  head: "convert",
  range: "strip",
  contentLength: "keep",
  shareMs: 0,
  drainBytes: 4_096,
  drainMs: 40,
};

/** What the operator changes, so that the upstream's connections are made anew. */
export const CHANGE = { keepAliveMs: 77 };

export interface Schedule {
  /** In which order sockets that are ready together are served, and where reads are cut. */
  readonly order: number;
  readonly settings?: Partial<Settings>;
  readonly clients: readonly ClientPlan[];
  /** How the upstream takes connections, in the order of the attempts. */
  readonly dials?: readonly DialPlan[];
  /** How many addresses the upstream's name has, and how long it takes to look it up; without, it is an address. */
  readonly name?: { readonly addresses: number; readonly lookupMs?: number };
  readonly events?: readonly OperatorPlan[];
}

export interface OperatorPlan {
  readonly atMs: number;
  readonly what: "reload" | "change" | "stop";
}

/** A side that takes bytes slowly: it has room for so many, and takes so many each time. */
export interface Taking {
  readonly room: number;
  readonly bytes: number;
  readonly everyMs: number;
  /** After so many it takes nothing more. */
  readonly stopsAfter?: number;
}

export interface ClientPlan {
  readonly atMs?: number;
  readonly requests: readonly RequestPlan[];
  /** Does not wait for the responses. */
  readonly pipelined?: boolean;
  readonly version?: "1.0";
  readonly takes?: Taking;
  /** The first reads of headgate bring about so many bytes. */
  readonly readBytes?: number;
  readonly leaves?: { readonly atMs: number; readonly how: "end" | "close" | "reset" };
  /** Waits until headgate closes the connection. */
  readonly stays?: boolean;
}

export interface RequestPlan {
  readonly method?: "HEAD" | "POST" | "OPTIONS" | "DELETE";
  /** Milliseconds after the response before it, or after the request before it where it is pipelined. */
  readonly gapMs?: number;
  /** Asks for a target that others ask for too. */
  readonly shared?: number;
  readonly content?: {
    readonly bytes: number;
    readonly framing?: "chunked";
    readonly pieces?: number;
    readonly gapMs?: number;
    readonly expects?: boolean;
    /** So many pieces are sent, and no more. */
    readonly stopsAfter?: number;
  };
  readonly upgrade?: TunnelPlan;
  readonly login?: boolean;
  /** By the number of the times that it reaches the upstream. */
  readonly responses?: readonly ResponsePlan[];
}

export interface TunnelPlan {
  readonly clientBytes?: number;
  readonly upstreamBytes?: number;
  readonly gapMs?: number;
  /** Who ends it, when all that it sends is sent; without, both stay. */
  readonly ends?: "client" | "upstream";
  readonly how?: "reset";
}

export interface ResponsePlan {
  readonly waitMs?: number;
  /** Does not wait for the end of the request's content. */
  readonly early?: boolean;
  readonly interims?: number;
  readonly status?: 204 | 304 | 401 | 404 | 405 | 503;
  readonly framing?: "chunked" | "close";
  readonly bytes?: number;
  readonly pieces?: number;
  readonly gapMs?: number;
  readonly version?: "1.0";
  readonly says?: "close" | "timeout";
  /** Where it breaks off: before the response, in its header section, or behind so many pieces of content. */
  readonly stops?: {
    readonly at: "before" | "head" | number;
    readonly how: "end" | "close" | "reset" | "silent" | "garbage";
  };
  /** What the connection does after the response. */
  readonly after?: {
    readonly afterMs: number;
    readonly what: "end" | "close" | "reset" | "unasked" | "unasked-end";
  };
  /** Answers an upgrade as a plain request. */
  readonly refuses?: boolean;
}

export interface DialPlan {
  readonly result?: "refused" | "never" | "reset";
  readonly afterMs?: number;
  readonly takes?: Taking;
  readonly readBytes?: number;
  /** Sends a response before it was asked. */
  readonly unasked?: boolean;
}
