// The smallest reverse proxy on http-proxy that answers HEAD through GET: what headgate's speed is compared with.
// Plain JavaScript, so that neither its start nor its run pays for a loader.
import http from "node:http";
import httpProxy from "http-proxy";

const [, , port, upstream] = process.argv;
const agent = new http.Agent({ keepAlive: true });
const proxy = httpProxy.createProxyServer({ target: upstream, agent });
const asGet = { method: "GET" };

proxy.on("error", (_error, _request, response) => response.destroy());
http
  .createServer((request, response) =>
    proxy.web(request, response, request.method === "HEAD" ? asGet : undefined),
  )
  .listen(Number(port), "127.0.0.1");

// --cpu-prof writes its file only when the process exits by itself.
process.on("SIGTERM", () => process.exit(0));
