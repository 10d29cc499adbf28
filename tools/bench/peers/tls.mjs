// Terminates TLS for the backend, which does not support it: each connection becomes one connection to the backend.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer } from "node:tls";

const [, , port, backendPort, cert, key] = process.argv;

createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (secure) => {
  const plain = connect({ port: Number(backendPort), host: "127.0.0.1", noDelay: true });
  secure.setNoDelay();
  secure.pipe(plain).pipe(secure);
  for (const [one, other] of [
    [secure, plain],
    [plain, secure],
  ]) {
    one.on("error", () => other.destroy()).on("close", () => other.destroy());
  }
}).listen(Number(port), "127.0.0.1");

process.on("SIGTERM", () => process.exit(0));
