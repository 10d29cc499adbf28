/**
 * A log that cannot be written for a while: requests are served, lost lines are counted, and the log continues.
 *
 * Symptom: after one ENOSPC on standard output, or after one restart of the log collector, nothing was logged any more until headgate
 * itself was restarted. Root cause: every error but EAGAIN counted as the end of the log; pino's own stream also stops for ever at an
 * EPIPE. Fix: the lines lost by an error are counted, and the next ones are tried after a pause.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { inNamespace, namespaceMissing } from "../support/namespace.ts";
import { makePipe } from "../support/pipe.ts";
import { toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { fillUp, seenBy } from "../support/tiny-disk.ts";
import { type Wire, openWire } from "../support/wire.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");
const PATIENCE_MS = 30_000;
const PAUSE_MS = 20;

/** A headgate whose standard output a shell has redirected; its ports are sockets in `directory`, so no line need be read. */
interface Logging {
  readonly child: ChildProcess;
  readonly pid: number;
  /** How many requests were sent; the path of each is its number. */
  sent(): number;
  /** Sends a request and waits for the response. */
  request(): Promise<void>;
  /** Lines that were dropped. */
  dropped(): Promise<number>;
  /** Sends requests until the condition holds. */
  until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void>;
}

/** `shell` starts "$0" "$@" with its standard output redirected; `through` is a command that runs that shell. */
async function startLogging(
  t: TestContext,
  directory: string,
  {
    through = [],
    shell,
    format = "json",
  }: { readonly through?: readonly string[]; readonly shell: string; readonly format?: string },
): Promise<Logging> {
  const origin = await startOrigin(t, text("ok"));
  const [listen, admin] = [join(directory, "listen.sock"), join(directory, "admin.sock")];
  const yaml = [
    `listen: unix:${listen}`,
    `admin: unix:${admin}`,
    `upstream: ${origin.url}`,
    `log: { access: all, format: ${format} }`,
    "",
  ];
  writeFileSync(join(directory, "routes.yaml"), yaml.join("\n"));
  const [command, ...args] = [...through, "sh", "-c", shell, process.execPath, BUNDLE];
  const child = spawn(command, [...args, "run", "--config", "routes.yaml"], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(async () => {
    if (child.kill("SIGKILL")) await once(child, "exit");
  });
  // A socket's file exists a moment before a process listens on it.
  const connect = async (path: string): Promise<Wire> => {
    let wire: Wire | undefined;
    await waitUntil(async () => {
      assert.equal(child.exitCode, null, "it runs");
      wire = await openWire(t, path).catch(() => undefined);
      return wire !== undefined;
    }, "it listens");
    return wire ?? assert.fail();
  };
  const client = await connect(listen);
  const metrics = await connect(admin);
  let sent = 0;
  const logging: Logging = {
    child,
    pid: child.pid ?? 0,
    sent: () => sent,
    async request() {
      const answer = await ask(client, toRequest(`GET /${sent}`));
      assert.equal(answer.status, 200);
      sent += 1;
    },
    async dropped() {
      const { body } = await ask(metrics, toRequest("GET /metrics"));
      const [, count] = /^headgate_log_lines_dropped_total (\d+)$/m.exec(body.toString()) ?? [];
      return Number(count);
    },
    async until(isSo, what) {
      await waitUntil(async () => {
        if (await isSo()) return true;
        await logging.request();
        return false;
      }, what);
    },
  };
  return logging;
}

async function ask(wire: Wire, request: string) {
  wire.write(request);
  return wire.readResponse();
}

async function waitUntil(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const lastMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < lastMs, `not in time: ${what}`);
    await sleep(PAUSE_MS);
  }
}

/** The numbers of the requests whose lines are there; each line must be complete. */
function toRequests(log: string): number[] {
  const lines = log.split("\n");
  assert.equal(lines.pop(), "", "the last line has its end");
  return lines
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ msg }) => msg === "request")
    .map((line) => Number(String(line["url.path"]).slice(1)));
}

function assertGrowing(numbers: readonly number[]): void {
  const isGrowing = numbers.every(
    (number, index) => index === 0 || number > (numbers[index - 1] ?? 0),
  );
  assert.ok(isGrowing, `each once and in order: ${numbers.join(" ")}`);
}

test(
  "a disk that was full and has room again is written again, and the missing lines were counted",
  { skip: namespaceMissing() },
  async (t) => {
    const directory = await makeDirectory(t, {});
    const headgate = await startLogging(t, directory, {
      through: inNamespace("mount"),
      shell: 'mkdir disk && mount -t tmpfs -o size=4m none disk && exec "$0" "$@" > disk/log',
    });
    const disk = seenBy(headgate.pid, join(directory, "disk"));
    const log = openSync(join(disk, "log"), "r"); // it outlives the process, and its namespace with it
    t.after(() => closeSync(log));
    const read = (): string => readFileSync(join(disk, "log"), "utf8");

    await headgate.request();
    await waitUntil(() => read().includes('"/0"'), "what came before is logged");
    const makeRoom = fillUp(disk);
    await headgate.until(async () => (await headgate.dropped()) > 20, "lines are dropped");
    makeRoom();
    const first = headgate.sent();
    await headgate.until(() => read().includes(`"/${first}"`), "what comes now is logged");
    const dropped = await headgate.dropped();

    headgate.child.kill("SIGTERM");
    assert.deepEqual(await once(headgate.child, "exit"), [0, null]);
    const logged = toRequests(readFileSync(log, "utf8"));
    assertGrowing(logged);
    assert.equal(
      logged.length + dropped,
      headgate.sent(),
      "every request has its line or was counted",
    );
  },
);

test("a device that is always full costs one line each, and no more", async (t) => {
  const headgate = await startLogging(t, await makeDirectory(t, {}), {
    shell: 'exec "$0" "$@" > /dev/full',
  });
  for (const requests of [5, 10]) {
    while (headgate.sent() < requests) await headgate.request();
    const lines = requests + 2; // the first ones are about the addresses and the default route
    await waitUntil(async () => (await headgate.dropped()) === lines, `${lines} are dropped`);
  }
  headgate.child.kill("SIGTERM");
  assert.deepEqual(await once(headgate.child, "exit"), [0, null]);
});

// Symptom: headgate whose standard output was full at the start ended with exit code 1 after an orderly stop, hours later.
// Root cause: the startup banner that could not be written set the exit code. Fix: the end of the service decides its exit code.
test("a startup banner that cannot be written does not change the exit code of an orderly end", async (t) => {
  const headgate = await startLogging(t, await makeDirectory(t, {}), {
    shell: 'exec "$0" "$@" > /dev/full',
    format: "pretty",
  });
  await headgate.request();
  headgate.child.kill("SIGTERM");
  assert.deepEqual(await once(headgate.child, "exit"), [0, null]);
});

test("a named pipe whose reader was restarted is written again, and the lines in between were counted", async (t) => {
  const directory = await makeDirectory(t, {});
  makePipe(join(directory, "log"));
  const first = readPipe(t, directory);
  const headgate = await startLogging(t, directory, { shell: 'exec "$0" "$@" > log' });
  await headgate.request();
  await waitUntil(() => first.text().includes('"/0"'), "the first reader has what was logged");
  first.child.kill();
  await once(first.child, "close");

  await headgate.until(async () => (await headgate.dropped()) > 20, "lines are dropped");
  const second = readPipe(t, directory);
  const next = headgate.sent();
  await headgate.until(() => second.text().includes(`"/${next}"`), "what comes now is logged");
  const dropped = await headgate.dropped();

  const isRead = once(second.child, "close"); // the reader may end before its writer's end arrives
  headgate.child.kill("SIGTERM");
  assert.deepEqual(await once(headgate.child, "exit"), [0, null]);
  await isRead;
  const logged = toRequests(first.text() + second.text());
  assertGrowing(logged);
  assert.equal(
    logged.length + dropped,
    headgate.sent(),
    "every request has its line or was counted",
  );
});

function readPipe(t: TestContext, cwd: string) {
  const child = spawn("cat", ["log"], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  let read = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (read += piece));
  return { child, text: () => read };
}
