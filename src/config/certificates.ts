/** The certificates of the listeners, as check, the status page and the metrics show them. */

import { formatAddress } from "./address.ts";
import type { CertificateSummary } from "./pem.ts";
import type { Config } from "./types.ts";

/** A certificate of a listener. */
export interface ListenerCertificate extends CertificateSummary {
  /** The listener's address as the route file writes it. */
  readonly listen: string;
}

/** Lists the certificates in the order of the route file. */
export function listCertificates({
  listen,
}: Pick<Config, "listen">): readonly ListenerCertificate[] {
  return listen.flatMap(({ address, tls }) =>
    (tls?.certificates ?? []).map(({ names, notAfterMs }) => ({
      listen: formatAddress(address),
      names,
      notAfterMs,
    })),
  );
}
