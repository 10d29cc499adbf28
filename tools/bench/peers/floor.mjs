// A node:http server that proxies nothing: the floor below which no proxy on node:http can get.
import http from "node:http";

const [, , port] = process.argv;
const fields = {
  server: "bench",
  "content-type": "application/json",
  etag: '"bench-1"',
  "content-length": "15",
};

http
  .createServer((_request, response) => {
    response.writeHead(200, fields);
    response.end('{"status":"ok"}');
  })
  .listen(Number(port), "127.0.0.1");

process.on("SIGTERM", () => process.exit(0));
