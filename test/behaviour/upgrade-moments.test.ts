/** Each side leaves at each moment around a 101 and a refusal: one line in the log, and nothing left open. */

import assert from "node:assert/strict";
import test from "node:test";
import {
  SWITCHED,
  UPGRADE,
  answerHead,
  readAll,
  startClient,
  startDoor,
  startRawUpstream,
} from "../support/upgrade.ts";

const REFUSED = "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello";

// Every cut is a place where one side leaves, counted in bytes that the upstream sends and in turns of the event loop: before
// the answer, within its head, right behind it, in its content, and each time one turn earlier or later on the other side.
for (const [what, answer] of [
  ["101", `${SWITCHED}hello`],
  ["refusal", REFUSED],
] as const) {
  for (const leaver of ["client", "upstream", "both"] as const) {
    for (const leave of ["destroy", "resetAndDestroy", "end"] as const) {
      test(`an upgrade settles once and frees both sockets: ${leaver}.${leave}() around a ${what}`, async (t) => {
        let bytes = 0;
        const upstream = await startRawUpstream(t, (socket, read) =>
          answerHead(answer.slice(0, bytes))(socket, read),
        );
        const yaml = "timeouts: { upgrade: 300ms, tunnelIdle: 100ms }";
        const door = await startDoor(t, upstream.url, {
          upstream: "keepAlive: 0s, idleTimeout: 300ms",
          yaml,
        });
        let exchanges = 0;
        for (bytes of [0, 9, answer.length - 5, answer.length - 2, answer.length]) {
          for (const turns of [0, 1, 2, 5]) {
            const seen = upstream.nextHead();
            const client = await startClient(t, door.port, `${UPGRADE}early`);
            client.once("end", () => client.end()).resume();
            await seen;
            for (let i = 0; i < turns; i++) await new Promise(setImmediate);
            const socket = upstream.sockets.at(-1) ?? assert.fail();
            socket.resume();
            if (leaver !== "upstream") client[leave]();
            if (leaver !== "client") socket[leave]();
            await door.ended();
            exchanges += 1;
            await Promise.all([readAll(client), readAll(socket)]);
            client.destroy();
            socket.destroy();
          }
        }
        await door.untilNothingIsOpen();
        const lines = door.lines.filter((line) => line["http.request.method"] !== undefined);
        assert.equal(lines.length, exchanges);
      });
    }
  }
}
