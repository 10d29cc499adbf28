/** The help texts of `headgate --help` and of each command's `--help`. No line is wider than 80 columns. */

const SETTINGS = `Settings: flags override environment variables, which override the route file
  --config FILE      HEADGATE_CONFIG     the route file (YAML)
  --listen ADDR      HEADGATE_LISTEN     host:port, :port, [::]:port, unix:/path
                                         default 0.0.0.0:8080
  --upstream URL     HEADGATE_UPSTREAM   http://host:port, https://…, unix:/path
                                         needed, here or in the route file
  --admin ADDR|off   HEADGATE_ADMIN      /livez, /readyz, /metrics, status page
                                         default 127.0.0.1:9090
  --log-level LEVEL  HEADGATE_LOG_LEVEL  debug, info, warn, error, silent
                                         default info
`;

/** The text of `headgate --help`. */
export const HELP: string = `headgate stands in front of a backend that refuses HEAD and cannot be changed.
It sends a GET for each HEAD and returns the status and fields.

Usage
  headgate run [--config FILE] [--listen ADDR] [--upstream URL] [flags]
      stand in front of a backend
  headgate demo
      try it: a backend that serves only GET, and headgate in front of it
  headgate check [FILE…] [--json]
      read route files: print every problem with its line, or what they mean
  headgate explain METHOD URL [--config FILE] [-H 'Name: value'] [--json]
      print which route a request matches and what headgate would send upstream
  headgate doctor URL [PATH…] [--through URL] [--json]
      find endpoints of a running backend that refuse HEAD or treat it wrongly
  headgate init URL [--output FILE]
      write a route file for what doctor finds
  headgate inject FILE|- [--remove] [--diff]
      add headgate to Kubernetes manifests or a Compose file, and change nothing
      else there
  headgate schema
      print the JSON Schema of the route file
  headgate healthcheck
      exit 0 if the headgate with these settings is ready, otherwise 1
  headgate COMMAND --help
      what a command does, with examples
  headgate --version | --help

${SETTINGS}
After SIGTERM headgate finishes the requests in flight and exits with 0; a
second SIGTERM ends it at once.
Exit codes: 0 success, 1 failure, 2 wrong usage.
`;

/** The text of `headgate COMMAND --help`, by command. */
export const COMMAND_HELP: ReadonlyMap<string, string> = new Map([
  [
    "run",
    `headgate run [--config FILE] [--listen ADDR] [--upstream URL]
             [--admin ADDR|off] [--log-level LEVEL]

Serves until SIGTERM or SIGINT. Loads the route file again on SIGHUP and when
the file changes.

${SETTINGS}
Examples
  headgate run --upstream http://127.0.0.1:8000
  headgate run --upstream http://127.0.0.1:8000 --listen :80 --admin off
  headgate run --config routes.yaml
  HEADGATE_UPSTREAM=http://app:8000 headgate run

Exit codes: 0 stopped by a signal, 1 failure, 2 wrong usage.
`,
  ],
  [
    "demo",
    `headgate demo

Starts a backend that refuses HEAD, headgate in front of it, and headgate's
status page, on ports 8000, 8080 and 9090 of 127.0.0.1. If a port is in use,
demo takes a free one. It prints what to try.

Example
  headgate demo
`,
  ],
  [
    "check",
    `headgate check [FILE…] [--json] [flags of run]

Reads route files as run does, but starts nothing. Prints every problem and
warning with its file, line and column, or what the file means. FILE - is
standard input. Without FILE, check reads the file in HEADGATE_CONFIG. The flags
of run and HEADGATE_* variables apply as for run.

Examples
  headgate check routes.yaml
  headgate check staging.yaml production.yaml
  headgate check routes.yaml --upstream http://app:8000
  kubectl get configmap headgate -o jsonpath='{.data.headgate\\.yaml}' |
    HEADGATE_UPSTREAM=http://app:8000 headgate check -
  headgate check routes.yaml --json | jq .routes

Exit codes: 0 all files are valid, 1 one is not, 2 wrong usage.
`,
  ],
  [
    "explain",
    `headgate explain METHOD URL [flags of run] [-H 'Name: value'] [--from IP]
                 [--json]

Prints which route a request matches, what headgate would send upstream and what
it would do with the response's body. It sends nothing. URL is a path or a whole
URL; -H may be repeated; --from is the client's address, 127.0.0.1 by default.
The flags of run and HEADGATE_* variables apply as for run, so it explains the
headgate that runs with them.
It prints queries, passwords and the values of fields such as Authorization,
Cookie or X-Api-Key as <hidden>.

Examples
  headgate explain HEAD /health --config routes.yaml
  headgate explain HEAD http://shop.example/a.bin --config routes.yaml \\
    -H 'Range: bytes=0-9'
  headgate explain GET / --upstream http://127.0.0.1:8000 \\
    --from 203.0.113.9 -H 'X-Forwarded-For: 192.0.2.1'

Exit codes: 0 explained, even if headgate would refuse the request, 1 invalid
route file, 2 wrong usage.
`,
  ],
  [
    "doctor",
    `headgate doctor URL [PATH…] [--through URL] [--openapi FILE|URL] [--json]
                [--dry-run] [flags]

Sends GET and HEAD to each endpoint of a running backend, compares the
responses, and reports what headgate would change. It sends GET, HEAD and, with
--options, OPTIONS, only to URL's origin; it shows redirects but does not follow
them. Without PATH it takes the endpoints from the backend's OpenAPI 3 or
Swagger 2 document, at /openapi.json, /swagger.json, /v3/api-docs and other
usual paths.

  --through URL        a headgate in front of this backend: doctor compares its
                       HEADs with the backend's GETs, and the exit code says
                       whether they differ
  --openapi FILE|URL   where the document is, in JSON or YAML; a URL has the
                       origin of the backend
  --base PATH          the path before each path of the document, if it is not
                       that of the document's server; / for none
  --param NAME=VALUE   the value of a parameter that the document has no
                       example, default, enum or minimum for; repeatable
  -H, --header FIELD   such as 'Authorization: Bearer …'; doctor sends it
                       with each request and never prints it; repeatable
  --include PATTERN    only paths like this one; * matches any text;
                       repeatable
  --exclude PATTERN    no paths like this one; repeatable
  --options            send OPTIONS as well
  --limit N            endpoints to try                         default 200
  --concurrency N      endpoints to try at the same time        default 4
  --timeout DURATION   for each request                         default 10s
  --bytes SIZE         content to read of each response         default 1MiB
  --ca FILE            the authority of an https backend (PEM)
  --insecure           accept any certificate
  --json               the report for programs
  --dry-run            list the requests, and send nothing

Examples
  headgate doctor http://127.0.0.1:8000
  headgate doctor http://127.0.0.1:8000 /health /files/big.bin
  headgate doctor https://api.example --openapi openapi.yaml --param id=7 \\
    -H 'Authorization: Bearer …'
  headgate doctor http://127.0.0.1:8000 --through http://127.0.0.1:8080
  headgate doctor http://127.0.0.1:8000 --json |
    jq '.endpoints[] | select(.wrong)'

Exit codes: 0 nothing is wrong, 1 the backend refuses a HEAD, a HEAD differs, or
doctor could reach or compare nothing, 2 wrong usage.
`,
  ],
  [
    "init",
    `headgate init URL [PATH…] [--output FILE] [--force] [flags of doctor]

Tries a running backend as doctor does, and writes a route file for what it
finds, with the reason for each setting. The file is as short as possible: one
mode for all endpoints if that fits, and a route for each that needs another.

  --output FILE        write to FILE instead of standard output. init does not
                       overwrite a file
  --force              replace FILE
  --openapi, --base, --param, --header, --include, --exclude, --options,
  --limit, --concurrency, --timeout, --bytes, --ca, --insecure
                       as for doctor

Examples
  headgate init http://127.0.0.1:8000
  headgate init http://127.0.0.1:8000 --output headgate.yaml
  headgate init http://127.0.0.1:8000 /health /files/big.bin --options

Exit codes: 0 written, 1 init could not reach the backend or write the file,
2 wrong usage.
`,
  ],
  [
    "inject",
    `headgate inject FILE|FOLDER|- [--upstream-port N] [--port N] [--image REF]
                [--config ROUTES] [--ordinary] [--only NAME,…]
                [--compose SERVICE] [--set KEY=VALUE …] [--diff] [--remove]

Adds headgate to Kubernetes manifests and Compose files, and changes nothing
else in them: comments, order and layout stay. inject changes files in place;
with - it reads standard input and writes standard output. A second inject
changes nothing, or applies new flags.

Kubernetes: pods get a native sidecar (Kubernetes 1.29), and Services in the
input that lead to the app then lead to headgate.
Compose: inject adds a service headgate, and moves the app's published port to
it.

  --upstream-port N   the app's port, if the input does not show it
  --port N            headgate's port; default 8080, or the next one that is
                      free in the pod
  --image REF         headgate's image; default ghcr.io/headgate/headgate with
                      this version
  --config ROUTES     a route file; it becomes a ConfigMap, in Compose a volume
  --ordinary          an ordinary container, for clusters before Kubernetes 1.29
  --only NAME,…       only the workloads of these names; the label
                      headgate.dev/skip excludes a workload too
  --compose SERVICE   the Compose service to stand in front of, if several
                      publish ports
  --set KEY=VALUE     a value of the chart, such as ports.admin=9191 or
                      resources.limits.memory=256Mi; env.NAME=VALUE; repeatable
  --diff              print a unified diff, write no file
  --remove            remove what inject wrote, and restore the file

Examples
  headgate inject deployment.yaml
  headgate inject k8s/ --diff
  helm template . | headgate inject - | kubectl apply -f -
  headgate inject deployment.yaml --upstream-port 3000 --config routes.yaml \\
    --set env.HEADGATE_LOG_LEVEL=debug
  headgate inject compose.yaml --compose web
  headgate inject deployment.yaml --remove

Exit codes: 0 done, even if it was done before, 1 inject does not understand the
input or finds nothing to inject into, 2 wrong usage.
`,
  ],
  [
    "schema",
    `headgate schema

Prints the JSON Schema of the route file, for editors. In the route file:
# yaml-language-server: $schema=headgate.schema.json

Example
  headgate schema > headgate.schema.json
`,
  ],
  [
    "healthcheck",
    `headgate healthcheck [--config FILE] [--admin ADDR]

Asks the admin port of the headgate with these settings whether it is ready. For
images, which have no shell and no curl.

Examples
  headgate healthcheck
  headgate healthcheck --admin 127.0.0.1:9191

Exit codes: 0 ready, 1 not ready or not reachable, 2 wrong usage.
`,
  ],
]);
