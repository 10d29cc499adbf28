// The backend of `npm run reliability`: a few bytes, a long download, and an answer to an upload once all of it is there.
import { createServer } from "node:http";

const PIECE = Buffer.alloc(64 * 1024, "headgate");
const PIECES = 1_600; // 100 MiB

const server = createServer((request, response) => {
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  if (request.url === "/big") return pour(response);
  request.resume().once("end", () => response.end('{"status":"ok"}'));
});
// Longer than any proxy keeps its connections: a race that is lost here would be counted as the proxy's.
server.keepAliveTimeout = 300_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 4_096);

function pour(response) {
  let left = PIECES;
  response.writeHead(200, { "Content-Length": PIECE.length * PIECES });
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= 1;
      if (!response.write(PIECE)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}
