import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";

/** The files of the certificate that all servers of the benchmark use. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key in one file, as HAProxy reads them. */
  readonly pair: string;
}

/** Writes the files to `folder`. */
export function writeCertificateFiles(folder: string): CertificateFiles {
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  return {
    certificate: write("certificate.pem", CERTIFICATE),
    key: write("key.pem", KEY),
    pair: write("pair.pem", CERTIFICATE + KEY),
  };
}
