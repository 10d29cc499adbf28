/** Upstreams with several addresses of which one dies, with few connections, with TLS, or with names whose lookup hangs. */

import { writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import type { Child } from "../shared/children.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { HUNG, PAIR, startNames } from "../shared/names.ts";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";
import { namesMissing } from "../../test/support/names.ts";
import { withFiles } from "../../test/support/namespace.ts";
import { sendOnce } from "./prober.ts";
import type { Row } from "./row.ts";
import { BACKEND, type Subject, type Surroundings, startSubject } from "./subject.ts";

const CLIENTS = 32;
const REQUESTS_EACH = 20;
const ROUNDS = 5;
const BESIDE = 50;

/** Measures them in turn. Without mount namespaces there are no names: it measures nothing, which fails in CI. */
export async function measureUpstreams(
  around: Surroundings,
  deaths: number,
): Promise<readonly Row[]> {
  const missing = namesMissing();
  if (missing !== false) {
    console.error(`  upstreams are left out: ${missing}`);
    return [];
  }
  const names = await startNames();
  const [port, tlsPort] = [await findFreePort(), await findFreePort()];
  const [first, second] = PAIR.addresses;
  const start = startBackends(around);
  const pair = [await start(first, port), await start(second, port)];
  await start(first, tlsPort, "tls");
  const upstreams = toUpstreams({ port, tlsPort, ca: join(around.folder, "ca.pem") });
  const prefix = withFiles(around.folder, names.files);
  const subject = await startSubject("headgate", around, { prefix, upstreams });
  const rows = [
    await measureDeaths(subject, {
      deaths,
      pair,
      restart: (index) => start(PAIR.addresses[index] ?? first, port),
    }),
    await measureQueue(subject),
    await measureAll(subject, `${BESIDE} requests to an upstream over TLS`, "/tls/x"),
    await measureHung(subject),
  ];
  await subject.child.stop(10_000);
  names.stop();
  return rows;
}

function startBackends({ folder, children }: Surroundings) {
  const files = { cert: join(folder, "ca.pem"), key: join(folder, "key.pem") };
  writeFileSync(files.cert, CERTIFICATE);
  writeFileSync(files.key, KEY);
  let count = 0;
  return async (host: string, port: number, over: "tcp" | "tls" = "tcp"): Promise<Child> => {
    const more = over === "tls" ? [files.cert, files.key] : [];
    const command = [process.execPath, BACKEND, String(port), host, ...more];
    const child = children.start(`backend-${(count += 1)}`, command);
    await waitAccepting(child, port, host);
    return child;
  };
}

interface Places {
  readonly port: number;
  readonly tlsPort: number;
  readonly ca: string;
}

function toUpstreams({ port, tlsPort, ca }: Places): string {
  const hung = HUNG.map(
    (name, index) => `  hung-${index}: { url: "http://${name}:9", connectTimeout: 5s }`,
  );
  const routes = HUNG.map((_, index) => `{ path: /hung/${index}, upstream: hung-${index} }`);
  return `upstream: { url: "http://${PAIR.name}:${port}" }
upstreams:
  anew: { url: "http://${PAIR.name}:${port}", keepAlive: 0s }
  few: { url: "http://${PAIR.name}:${port}", maxConnections: 2 }
  tls: { url: "https://${PAIR.addresses[0]}:${tlsPort}", tls: { serverName: backend.test, ca: "${ca}" } }
${hung.join("\n")}
limits: { waiting: 8 }
routes:
  [{ path: /anew/*, upstream: anew }, { path: /few/*, upstream: few }, { path: /tls/*, upstream: tls }, ${routes.join(", ")}]
`;
}

interface Deaths {
  readonly deaths: number;
  readonly pair: Child[];
  restart(index: number): Promise<Child>;
}

/** Requests on the dying backend may fail; requests that begin after its death may not. */
async function measureDeaths(
  { name, port }: Subject,
  { deaths, pair, restart }: Deaths,
): Promise<Row> {
  const agent = new Agent({ keepAlive: true });
  const counts = { asked: 0, answered: 0 };
  const askAll = async (): Promise<void> => {
    const asked = Array.from({ length: CLIENTS }, () => sendOnce(port, "/small", agent));
    for (const status of await Promise.all(asked)) {
      counts.asked += 1;
      if (status === 200) counts.answered += 1;
    }
  };
  await askAll(); // so that the first backend to die has idle connections
  for (let death = 0; death < deaths; death += 1) {
    const index = death % pair.length;
    await pair[index]?.stop(0);
    for (let round = 0; round < ROUNDS; round += 1) await askAll();
    pair[index] = await restart(index);
    await askAll();
  }
  agent.destroy();
  return {
    subject: name,
    what: `one of two addresses of a name is gone, ${deaths} times: requests meanwhile`,
    figure: `${counts.answered} of ${counts.asked} answered`,
    promise: "all",
    isMet: counts.answered === counts.asked,
  };
}

async function measureQueue({ name, port }: Subject): Promise<Row> {
  const counts = new Map<number | undefined, number>();
  const agent = new Agent({ keepAlive: true });
  const loops = Array.from({ length: CLIENTS }, async () => {
    for (let done = 0; done < REQUESTS_EACH; done += 1) {
      const status = await sendOnce(port, "/few/x", agent);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  });
  await Promise.all(loops);
  agent.destroy();
  const [served, refused] = [counts.get(200) ?? 0, counts.get(503) ?? 0];
  const others = CLIENTS * REQUESTS_EACH - served - refused;
  return {
    subject: name,
    what: `${CLIENTS} clients, two connections, eight places in the queue`,
    figure: `${served} answered, ${refused} refused with 503, ${others} failed otherwise`,
    promise: "answered or 503",
    isMet: others === 0 && served > 0,
  };
}

/** Sends requests in turn, each on its own connection. */
async function measureAll({ name, port }: Subject, what: string, path: string): Promise<Row> {
  let answered = 0;
  for (let done = 0; done < BESIDE; done += 1)
    if ((await sendOnce(port, path, false)) === 200) answered += 1;
  const figure = `${answered} of ${BESIDE} answered`;
  return { subject: name, what, figure, promise: "all", isMet: answered === BESIDE };
}

/** Each of the other requests needs a lookup as well. */
async function measureHung(subject: Subject): Promise<Row> {
  const hung = HUNG.map((_, index) => sendOnce(subject.port, `/hung/${index}`, false));
  const what = `${HUNG.length} names that no server answers for: ${BESIDE} requests to another name meanwhile`;
  const row = await measureAll(subject, what, "/anew/x");
  await Promise.all(hung);
  return row;
}
