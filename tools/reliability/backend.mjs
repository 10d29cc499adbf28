// The backend of `npm run reliability`: a small response, a long download, and a response to an upload once the upload is complete.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

const PIECE = Buffer.alloc(64 * 1024, "headgate");
const PIECES = 1_600; // 100 MiB

const [port, host = "127.0.0.1", cert, key] = process.argv.slice(2);
const server =
  cert === undefined
    ? createServer(serve)
    : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, serve);
// Longer than the idle time of any proxy: otherwise a race with the backend's close would be counted as the proxy's failure.
server.keepAliveTimeout = 300_000;
server.listen(Number(port), host, 4_096);

function serve(request, response) {
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  if (request.url === "/big") return pour(response);
  request.resume().once("end", () => response.end('{"status":"ok"}'));
}

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
