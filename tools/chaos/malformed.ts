/** Malformed responses by RFC 9112 §4, §5 or §6.3, each with another fault. */

const MALFORMED = [
  "GARBAGE\r\n\r\n",
  "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
  "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nBad Name: a\r\nContent-Length: 0\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS, not HTTP\r\n\r\n",
];

/** A malformed response, chosen by the salt. */
export function toMalformed(salt: number): string {
  return MALFORMED[salt % MALFORMED.length] ?? "";
}
