import { strict as assert } from "node:assert";
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { BIG_BYTES, SMALL_BODY } from "../backend.ts";
import { type CheckedResponse, checkSmall } from "../check-responses.ts";
import { TLS_HOST } from "../configs.ts";
import type { TlsLoad } from "./h2load.ts";

/** Whether curl is installed and speaks HTTP/2. */
export function hasCurl(): boolean {
  const { error, stdout } = spawnSync("curl", ["--version"], { encoding: "utf8" });
  return error === undefined && /^Features:.* HTTP2\b/m.test(stdout);
}

/** How to reach a peer. */
export interface Target {
  readonly port: number;
  readonly protocol: TlsLoad["protocol"];
  /** The file of the certificate that the peer must have. */
  readonly certificate: string;
}

/** Checks a peer's responses to curl before it is measured, and throws if one is wrong. */
export async function checkOverTls(target: Target): Promise<void> {
  const get = await send(target, "GET", "/small");
  checkSmall(get, "GET");
  assert.equal(get.content, SMALL_BODY, "GET /small: the content");
  const head = await send(target, "HEAD", "/small");
  checkSmall(head, "HEAD");
  assert.equal(head.contentBytes, 0, "HEAD /small: bytes after the header section");
  const big = await send(target, "GET", "/big");
  assert.equal(big.contentBytes, BIG_BYTES, "GET /big: the length of the content");
  const bigHead = await send(target, "HEAD", "/big");
  assert.equal(bigHead.field("content-length"), String(BIG_BYTES), "HEAD /big: Content-Length");
}

async function send(
  { port, protocol, certificate }: Target,
  method: "GET" | "HEAD",
  path: "/small" | "/big",
): Promise<CheckedResponse> {
  const args = [
    "--silent",
    "--show-error",
    "--max-time",
    "30",
    protocol === "h2" ? "--http2" : "--http1.1",
    "--cacert",
    certificate,
    "--connect-to",
    `${TLS_HOST}:${port}:127.0.0.1:${port}`,
    "--dump-header",
    "-",
    ...(method === "HEAD" ? ["--head", "--output", "/dev/null"] : []),
    ...(path === "/big" ? ["--output", "/dev/null"] : []),
    "--write-out",
    "\n%{http_version} %{http_code} %{size_download}",
    `https://${TLS_HOST}:${port}${path}`,
  ];
  const { stdout } = await promisify(execFile)("curl", args);
  const [, version, status, bytes] = /\n(\S+) (\d+) (\d+)$/.exec(stdout) ?? [];
  assert.equal(version, protocol === "h2" ? "2" : "1.1", `${method} ${path}: the HTTP version`);
  const end = stdout.indexOf("\r\n\r\n");
  const fields = stdout.slice(0, end);
  return {
    status: Number(status),
    field: (name) => new RegExp(`^${name}: (.*?)\\r?$`, "im").exec(fields)?.[1],
    contentBytes: Number(bytes),
    content: stdout.slice(end + 4, stdout.lastIndexOf("\n")),
  };
}
