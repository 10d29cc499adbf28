/** Signatures that cover the method: a backend refuses such a request (401, 403) if the proxy changes its method. */

import { createNameTable } from "../http/name-table.ts";
import type { CheckedRequest } from "../http/request.ts";

/** The parts of a HEAD that the passthrough rules examine. */
export type PassthroughRequest = Pick<CheckedRequest, "path" | "endToEnd">;

/**
 * Schemes of Authorization. Names with HMAC, ECDSA or RSA-SHA: AWS4, GOOG4, OSS4, TOS4, ACS3, TC3, SDK (Huawei), EG1 (Akamai), Kong.
 * `AWS` is Signature Version 2; GOOG1, OSS (Alibaba), OBS (Huawei), KSS (Kingsoft), QS (QingStor), Qiniu and UpYun resemble it;
 * SharedKey is Azure's, Signature is draft-cavage-http-signatures, MAC is draft-hammer-oauth-v2-mac-token. Digest: RFC 7616 §3.4.3.
 */
const SCHEME =
  /^(?:[\w-]*(?:hmac|ecdsa|rsa-sha)[\w-]*|aws|goog1|oss|obs|kss|qs|qiniu|upyun|sharedkey(?:lite)?|signature|mac|hawk|digest)[\t ]/i;
/** Tencent's, Baidu's and Azure Cosmos DB's credentials have no scheme. */
const WITHOUT_SCHEME = /^(?:q-sign-algorithm=|bce-auth-v\d|type(?:=|%3d)master)/i;
/** RFC 5849 §3.4.4: PLAINTEXT signs nothing. */
const OAUTH = /^oauth[\t ].*oauth_signature_method[\t ]*=[\t ]*"?(?!plaintext)\w/i;

const toTest = createNameTable<(value: string) => boolean>([
  [
    "authorization",
    (value: string) => SCHEME.test(value) || WITHOUT_SCHEME.test(value) || OAUTH.test(value),
  ],
  ["dpop", () => true], // RFC 9449 §4.2: its `htm` is the method
  ["signature-input", (value: string) => /"@(?:method|request-target)"/.test(value)], // RFC 9421 §2.2
  ["signature", (value: string) => /\(request-target\)/i.test(value)], // draft-cavage-http-signatures §2.3
  ["detached-jws", () => true], // RFC 9635 §7.3.3
  ["x-ca-signature", () => true], // Alibaba's API gateway
  ["x-ncp-apigw-signature-v2", () => true], // Naver's
  ["x-ovh-signature", () => true],
]);

/** Parameters that prove a signature alone: AWS, Google, Alibaba and Volcengine Version 4, Tencent, OpenStack's temporary URLs, OAuth 1.0. */
const SIGNATURE =
  /[?&](?:x-(?:amz|goog|oss|tos)-signature=|q-signature=|temp_url_sig=|authorization=bce-auth-|oauth_signature_method=(?!plaintext))/i;
/** Version 2 and similar ones. `Signature` is a common name, so it counts only beside an access key. */
const VERSION_2 = /[?&]signature=/i;
const VERSION_2_KEY = /[?&](?:(?:aws|oss|kss)?accesskeyid|googleaccessid|access_key_id)=/i;
/** Azure's shared access signature: `sig` beside `se` (expiry) or `sv` (version). */
const AZURE = /[?&]sig=/;
const AZURE_TERMS = /[?&]s[ev]=/;

/** Whether a field or the query holds a signature that covers the method. */
export function isSigned({ path, endToEnd }: PassthroughRequest): boolean {
  if (path.includes("?") && isSignedQuery(path)) return true;
  return endToEnd.some(
    (name, index) => index % 2 === 0 && isSigning(name, endToEnd[index + 1] ?? ""),
  );
}

function isSigning(name: string, value: string): boolean {
  return toTest(name)?.(value) === true;
}

function isSignedQuery(path: string): boolean {
  return (
    SIGNATURE.test(path) ||
    (VERSION_2.test(path) && VERSION_2_KEY.test(path)) ||
    (AZURE.test(path) && AZURE_TERMS.test(path))
  );
}
