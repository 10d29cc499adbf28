/** The configurations of the peers that are separate programs. Each does what headgate does and nothing else. */

import type { CertificateFiles } from "./certificate-files.ts";

/** The addresses and the folder of one peer. */
export interface PeerSetup {
  /** The peer's folder for configuration and run-time files. */
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly upstream: string;
  /** The upstream with TLS. */
  readonly tlsUpstream?: string;
  /** If set, the port speaks TLS 1.3, with HTTP/2 and HTTP/1.1 by ALPN. */
  readonly certificateFiles?: CertificateFiles | undefined;
}

/** The host in the certificate. Caddy chooses its certificate and its site by this name. */
export const TLS_HOST = "backend.test";

/** headgate's listener with TLS, as a part of a route file. */
export function headgateListener(port: number, files: CertificateFiles): string {
  const tls = `{ cert: ${files.certificate}, key: ${files.key}, minVersion: "1.3" }`;
  return `listen: { address: "127.0.0.1:${port}", http2: true, tls: ${tls} }\n`;
}

/**
 * nginx's configuration. Without `proxy_max_temp_file_size 0`, a slow reader makes nginx write the download to a disk. By default, nginx
 * closes a connection after 1000 requests; over TLS that would add handshakes to the requests.
 */
export function nginxFile({ folder, port, upstreamPort, certificateFiles }: PeerSetup): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const listen =
    certificateFiles === undefined
      ? `listen 127.0.0.1:${port};`
      : `listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificateFiles.certificate};
    ssl_certificate_key ${certificateFiles.key};
    ssl_protocols TLSv1.3;
    keepalive_requests 100000000;`;
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  map $request_method $upstream_method { default $request_method; HEAD GET; }
  upstream backend { server 127.0.0.1:${upstreamPort}; keepalive 64; }
  server {
    ${listen}
    location / {
      proxy_pass http://backend;
      proxy_method $upstream_method;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}

/**
 * HAProxy's configuration. Over TLS, connections to the backend are reused for the first request of a client connection too, as the other
 * peers do it: otherwise, a new client connection would also cost one to the backend.
 */
export function haproxyFile({ port, upstreamPort, certificateFiles }: PeerSetup): string {
  const tls =
    certificateFiles === undefined
      ? ""
      : ` ssl crt ${certificateFiles.pair} ssl-min-ver TLSv1.3 alpn h2,http/1.1`;
  const reuse = certificateFiles === undefined ? "" : "\n  http-reuse always";
  return `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port}${tls}
  http-request set-method GET if METH_HEAD
  default_backend backend
backend backend${reuse}
  server backend 127.0.0.1:${upstreamPort}
`;
}

/** Caddy's configuration. */
export function caddyFile({ port, upstreamPort, certificateFiles }: PeerSetup): string {
  const tls =
    certificateFiles === undefined
      ? ""
      : `
  bind 127.0.0.1
  tls ${certificateFiles.certificate} ${certificateFiles.key} {
    protocols tls1.3
  }`;
  const site =
    certificateFiles === undefined
      ? `http://127.0.0.1:${port}, http://bench.test:${port}`
      : `https://${TLS_HOST}:${port}`;
  const transport = "transport http {\n compression off\n keepalive_idle_conns_per_host 64\n }";
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
${site} {${tls}
  @head method HEAD
  reverse_proxy @head 127.0.0.1:${upstreamPort} {
    method GET
    ${transport}
  }
  reverse_proxy 127.0.0.1:${upstreamPort} {
    ${transport}
  }
}
`;
}
