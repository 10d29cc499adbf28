/** The answer to a HEAD that the operator wants refused. */

import type { LocalAnswer } from "../http/problem.ts";

/** 405 needs an Allow field (RFC 9110 §15.5.6). Proxy-Status (RFC 9209) tells that it is not the backend that refuses. */
export const REJECTION: LocalAnswer = {
  status: 405,
  fields: ["Allow", "GET", "Content-Length", "0", "Proxy-Status", "headgate"],
  body: "",
  connection: "keep-alive",
};
