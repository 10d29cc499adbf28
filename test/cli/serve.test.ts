import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { startProcess } from "../support/process.ts";
import { makeDirectory } from "../support/route-file.ts";

/**
 * Symptom: after a headgate that listens on a Unix socket was killed, no headgate could start there; the error named another process. Root
 * cause: the socket stays in the file system, and the kernel refuses to bind it again. Fix: a socket on which no process listens is
 * removed.
 */
function leaveSocket(path: string): void {
  const program =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ["-e", program, path]);
}

test("headgate replaces sockets that a killed process left behind", async (t) => {
  const directory = await makeDirectory(t, {});
  const [listen, admin] = [join(directory, "listen"), join(directory, "admin")];
  leaveSocket(listen);
  leaveSocket(admin);
  assert.ok(statSync(listen).isSocket() && statSync(admin).isSocket());
  const args = ["run", "--upstream", "http://127.0.0.1:8000", `--listen=unix:${listen}`];
  const headgate = startProcess(t, [...args, `--admin=unix:${admin}`]);
  await headgate.printed(/"listening on /);
  for (const path of [listen, admin]) {
    const socket = connect(path);
    await once(socket, "connect");
    socket.destroy();
  }
  headgate.signal("SIGTERM");
  assert.equal((await headgate.exited).code, 0);
});

for (const [flag, other, wayOut] of [
  ["--listen", "--admin", "--listen ADDR"],
  ["--admin", "--listen", "--admin ADDR or --admin off"],
] as const) {
  test(`a socket on which another process listens stays, and the error suggests ${flag}`, async (t) => {
    const path = join(await makeDirectory(t, {}), "socket");
    const living = createServer((socket) => socket.destroy()).listen(path);
    t.after(() => void living.close());
    await once(living, "listening");
    const args = ["run", "--upstream", "http://127.0.0.1:8000", `${other}=127.0.0.1:0`];
    const headgate = startProcess(t, [...args, `${flag}=unix:${path}`]);
    assert.equal((await headgate.exited).code, 1);
    const reason = `address already in use ${path}: another process listens there`;
    assert.equal(headgate.stderr(), `headgate: ${reason}; choose another by ${wayOut}\n`);
    await once(connect(path), "connect");
  });
}

test("a file that is no socket stays, even at a socket's path", async (t) => {
  const directory = await makeDirectory(t, { file: "precious" });
  const path = join(directory, "file");
  const args = ["run", "--upstream", "http://127.0.0.1:8000", "--admin=off"];
  const headgate = startProcess(t, [...args, `--listen=unix:${path}`]);
  assert.equal((await headgate.exited).code, 1);
  const reason = "it is there already, and is no socket";
  assert.equal(headgate.stderr(), `headgate: cannot listen on ${path}: ${reason}\n`);
  assert.equal(readFileSync(path, "utf8"), "precious");
});
