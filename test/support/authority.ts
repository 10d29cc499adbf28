/** A certificate authority of a test, and the certificates that it issues. openssl makes them. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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

/** Creates an authority whose files are removed after the test. */
export function createAuthority(t: TestContext): Authority {
  const folder = mkdtempSync(join(tmpdir(), "headgate-ca-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const openssl = (...args: string[]): void => {
    execFileSync("openssl", args, { stdio: "pipe", cwd: folder });
  };
  const read = (name: string): Issued => {
    const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    return {
      certFile,
      keyFile,
      cert: readFileSync(certFile, "utf8"),
      key: readFileSync(keyFile, "utf8"),
    };
  };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const rsa = ["-newkey", "rsa:2048", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-subj",
    "/CN=authority",
    "-days",
    "10",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  return {
    ...read("ca"),
    issue({ names, subject = "/O=Example/CN=leaf", days = 5, usage, key = "ec" }) {
      count += 1;
      const name = `leaf${count}`;
      const alternative = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
      const usages = usage === undefined ? [] : ["-addext", `extendedKeyUsage=${usage}`];
      openssl(
        "req",
        ...(key === "ec" ? curve : rsa),
        "-subj",
        subject,
        ...alternative,
        ...usages,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
      );
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-copy_extensions",
        "copy",
        "-days",
        String(days),
        "-out",
        `${name}.crt`,
      );
      return read(name);
    },
  };
}
