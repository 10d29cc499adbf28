/** The configurations of the peers that are separate programs. Each does what headgate does and nothing else. */

/** The addresses and the folder of one peer. */
export interface PeerSetup {
  /** The peer's folder for configuration and run-time files. */
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly upstream: string;
  /** The upstream with TLS. */
  readonly tlsUpstream?: string;
}

/** nginx's configuration. Without `proxy_max_temp_file_size 0`, a slow reader makes nginx write the download to a disk. */
export function nginxFile({ folder, port, upstreamPort }: PeerSetup): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
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
    listen 127.0.0.1:${port};
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

/** HAProxy's configuration. */
export function haproxyFile({ port, upstreamPort }: PeerSetup): string {
  return `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port}
  http-request set-method GET if METH_HEAD
  default_backend backend
backend backend
  server backend 127.0.0.1:${upstreamPort}
`;
}

/** Caddy's configuration. */
export function caddyFile({ port, upstreamPort }: PeerSetup): string {
  const transport = "transport http {\n compression off\n keepalive_idle_conns_per_host 64\n }";
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port}, http://bench.test:${port} {
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
