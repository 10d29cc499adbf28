// The smallest reverse proxy on http-proxy that responds to HEAD through GET: headgate's speed is compared with it.
// Plain JavaScript, so that neither its start nor its run pays for a loader.
import http from "node:http";
import httpProxy from "http-proxy";

const [, , port, target] = process.argv;
const agent = new http.Agent({ keepAlive: true });
const asIs = httpProxy.createProxyServer({ target, agent });
// Two instances, so that http-proxy need not merge options for each call.
const asGet = httpProxy.createProxyServer({ target, agent, method: "GET" });

for (const proxy of [asIs, asGet])
  proxy.on("error", (_error, _request, response) => response.destroy());
http
  .createServer((request, response) =>
    (request.method === "HEAD" ? asGet : asIs).web(request, response),
  )
  .listen(Number(port), "127.0.0.1");

// --cpu-prof writes its file only when the process exits by itself.
process.on("SIGTERM", () => process.exit(0));
