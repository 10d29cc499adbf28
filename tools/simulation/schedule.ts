/** A schedule: the plan of one run, as data, so that it can be printed, replayed and shrunk. What it leaves out has its default. */

/** Limits of headgate; times are milliseconds. */
export interface Settings {
  readonly maxConnections: number;
  readonly waiting: number;
  readonly connectMs: number;
  readonly responseMs: number;
  /** Of upstream connections; 0: no limit. */
  readonly idleMs: number;
  readonly keepAliveMs: number;
  /** 0: no limit. */
  readonly maxAgeMs: number;
  /** Of client connections. */
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

/** The limits of a schedule that sets none: long enough to have no effect. */
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

/** The operator's change, after which headgate opens new upstream connections. */
export const CHANGE = { keepAliveMs: 77 };

/** The plan of one run. */
export interface Schedule {
  /** A seed for the order in which ready sockets are served, and for the cuts of reads. */
  readonly order: number;
  readonly settings?: Partial<Settings>;
  readonly clients: readonly ClientPlan[];
  /** How the upstream accepts connections, in the order of the attempts. */
  readonly dials?: readonly ConnectPlan[];
  /** The number of addresses of the upstream's name, and the time of its lookup; without it, the upstream is an address. */
  readonly name?: { readonly addresses: number; readonly lookupMs?: number };
  readonly events?: readonly OperatorPlan[];
}

/** The plan of the operator. */
export interface OperatorPlan {
  readonly atMs: number;
  readonly what: "reload" | "change" | "stop";
}

/** How a slow side reads: the size of its buffer, and how many bytes it reads each time. */
export interface Taking {
  readonly room: number;
  readonly bytes: number;
  readonly everyMs: number;
  /** The number of bytes after which it stops reading. */
  readonly stopsAfter?: number;
}

/** The plan of a client. */
export interface ClientPlan {
  readonly atMs?: number;
  readonly requests: readonly RequestPlan[];
  /** Whether it sends without waiting for responses. */
  readonly pipelined?: boolean;
  readonly version?: "1.0";
  readonly takes?: Taking;
  /** The approximate size of headgate's first reads. */
  readonly readBytes?: number;
  readonly leaves?: { readonly atMs: number; readonly how: "end" | "close" | "reset" };
  /** Whether it waits until headgate closes the connection. */
  readonly stays?: boolean;
}

/** The plan of a request. */
export interface RequestPlan {
  readonly method?: "HEAD" | "POST" | "OPTIONS" | "DELETE";
  /** Milliseconds after the previous response, or after the previous request if it is pipelined. */
  readonly gapMs?: number;
  /** The number of a target that other requests use too. */
  readonly shared?: number;
  readonly content?: {
    readonly bytes: number;
    readonly framing?: "chunked";
    readonly pieces?: number;
    readonly gapMs?: number;
    readonly expects?: boolean;
    /** The number of pieces after which the client stops sending. */
    readonly stopsAfter?: number;
  };
  readonly upgrade?: TunnelPlan;
  readonly login?: boolean;
  /** The responses, by the number of times that the request reaches the upstream. */
  readonly responses?: readonly ResponsePlan[];
}

/** The plan of a tunnel. */
export interface TunnelPlan {
  readonly clientBytes?: number;
  readonly upstreamBytes?: number;
  readonly gapMs?: number;
  /** Which side ends it after its last bytes; without it, both sides stay. */
  readonly ends?: "client" | "upstream";
  readonly how?: "reset";
}

/** The plan of a response. */
export interface ResponsePlan {
  readonly waitMs?: number;
  /** Whether it is sent before the end of the request's content. */
  readonly early?: boolean;
  readonly interims?: number;
  readonly status?: 204 | 304 | 401 | 404 | 405 | 503;
  readonly framing?: "chunked" | "close";
  readonly bytes?: number;
  readonly pieces?: number;
  readonly gapMs?: number;
  readonly version?: "1.0";
  readonly says?: "close" | "timeout";
  /** Where it breaks off: before the response, in its header section, or after a number of content pieces. */
  readonly stops?: {
    readonly at: "before" | "head" | number;
    readonly how: "end" | "close" | "reset" | "silent" | "garbage";
  };
  /** How the connection continues after the response. */
  readonly after?: {
    readonly afterMs: number;
    readonly what: "end" | "close" | "reset" | "unasked" | "unasked-end";
  };
  /** Whether it responds to an upgrade as to an ordinary request. */
  readonly refuses?: boolean;
}

/** The plan of an upstream connection. */
export interface ConnectPlan {
  readonly result?: "refused" | "never" | "reset";
  readonly afterMs?: number;
  readonly takes?: Taking;
  readonly readBytes?: number;
  /** Whether it sends an unsolicited response. */
  readonly unsolicited?: boolean;
}
