/** A certificate authority of a test, and the certificates that it issues. openssl makes them. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A certificate chain and its key: the paths of the files, and their texts. */
export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface Wish {
  /** In openssl's form: `DNS:a.test,IP:127.0.0.1`; empty: no subjectAltName. */
  readonly names: string;
  readonly subject?: string;
  /** Days of validity from now; negative: it expired so many days ago. */
  readonly days?: number;
  /** The extended key usage, such as clientAuth; undefined: any. */
  readonly usage?: string;
  /** The type of its key: ECDSA, or RSA. */
  readonly key?: "ec" | "rsa";
}

/** An authority. */
export interface Authority extends Issued {
  issue(wish: Wish): Issued;
}

type Texts = Pick<Issued, "cert" | "key">;

/** An authority without a test: openssl has made it and what it has issued, and the next test that needs one gets the same. */
interface Made extends Texts {
  readonly folder: string;
  readonly issued: Map<string, Texts>;
}

/** The authorities that no test of this process uses now: each call of openssl costs up to 40 ms of CPU, and an RSA key 200. */
const free: Made[] = [];

/**
 * Returns an authority that no other running test has. Its files are the test's own, and are removed after it. The same wish gets a new
 * certificate each time within one test.
 */
export function createAuthority(t: TestContext): Authority {
  const made = free.pop() ?? make();
  const folder = createFolder();
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
    free.push(made);
  });
  const write = (name: string, texts: Texts): Issued => {
    const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    writeFileSync(certFile, texts.cert);
    writeFileSync(keyFile, texts.key, { mode: 0o600 });
    return { certFile, keyFile, ...texts };
  };
  const counts = new Map<string, number>();
  let count = 0;
  return {
    ...write("ca", made),
    issue(wish) {
      const kind = JSON.stringify(wish);
      const nth = counts.get(kind) ?? 0;
      counts.set(kind, nth + 1);
      const name = `${nth} ${kind}`;
      const texts = made.issued.get(name) ?? issue(made.folder, wish);
      made.issued.set(name, texts);
      count += 1;
      return write(`leaf${count}`, texts);
    },
  };
}

const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function createFolder(): string {
  return mkdtempSync(join(tmpdir(), "headgate-ca-"));
}

function make(): Made {
  const folder = createFolder();
  folders.push(folder);
  const validity = ["-subj", "/CN=authority", "-days", "10"];
  openssl(folder, "req", "-x509", ...CURVE, ...validity, "-keyout", "ca.key", "-out", "ca.crt");
  return { folder, issued: new Map(), ...read(folder, "ca") };
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const RSA = ["-newkey", "rsa:2048", "-nodes"];

function issue(folder: string, wish: Wish): Texts {
  const { names, subject = "/O=Example/CN=leaf", days = 5, usage, key = "ec" } = wish;
  const alternative = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
  const usages = usage === undefined ? [] : ["-addext", `extendedKeyUsage=${usage}`];
  const request = [...(key === "ec" ? CURVE : RSA), "-subj", subject, ...alternative, ...usages];
  openssl(folder, "req", ...request, "-keyout", "leaf.key", "-out", "leaf.csr");
  const from = ["-in", "leaf.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-copy_extensions", "copy"];
  openssl(folder, "x509", "-req", ...from, "-days", String(days), "-out", "leaf.crt");
  return read(folder, "leaf");
}

function openssl(cwd: string, ...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "pipe", cwd });
}

function read(folder: string, name: string): Texts {
  return {
    cert: readFileSync(join(folder, `${name}.crt`), "utf8"),
    key: readFileSync(join(folder, `${name}.key`), "utf8"),
  };
}
