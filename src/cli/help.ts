/** The text of `headgate --help`. */

export const HELP: string = `headgate answers HEAD through GET, for backends that refuse HEAD and may not be changed.

Usage
  headgate run [--config FILE] [--listen ADDR] [--upstream URL] [--admin ADDR|off] [--log-level LEVEL]
  headgate demo                   try it: a GET-only backend, and headgate before it
  headgate check [FILE] [--json]  read a route file: every problem at its place, or what the file means
  headgate explain METHOD URL [--config FILE] [--upstream URL] [-H 'Name: value'] [--from IP] [--json]
                                  which route a request meets and what the upstream would get; sends nothing
  headgate schema                 print the JSON Schema of the route file
  headgate healthcheck            exit 0 when the headgate that runs with these settings is ready, else 1
  headgate --version | --help

Settings of run: a flag goes before the environment, that before the route file
  --config FILE      HEADGATE_CONFIG      the route file (YAML)
  --listen ADDR      HEADGATE_LISTEN      host:port, :port, [::]:port, unix:/path     default 0.0.0.0:8080
  --upstream URL     HEADGATE_UPSTREAM    http://host:port, https://…, unix:/path     needed
  --admin ADDR|off   HEADGATE_ADMIN       where /livez, /readyz and /metrics answer   default 0.0.0.0:9090
  --log-level LEVEL  HEADGATE_LOG_LEVEL   debug, info, warn, error, silent            default info

SIGTERM finishes what is in flight and exits 0; a second one exits at once.
Exit codes: 0 fine, 1 failed, 2 called wrongly.
`;
