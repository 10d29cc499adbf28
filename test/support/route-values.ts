/** Values for the keys of a route file: valid ones, and common errors. */

/** The values of one kind. */
export interface Values {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const [LONG_NAME, LONG_LABEL] = ["n".repeat(128), "a".repeat(250)];
const NO_DURATIONS = ["", "5", "5sec", "1.s", ".5s", "-1s", "1d", "5S", "1h30m", "597h", "800h"];
const DURATIONS = ["250ms", "1.5s", "01m", "0.5h", "596h", "596.0h", "35760m", "2145600000ms"];
const SOCKETS = ["unix:/run/a.sock", "unix:///run/a.sock", "unix://a", `unix:/${"a".repeat(106)}`];
const NO_SOCKETS = ["unix:a", "unix:/", "unix:/a/", "unix:/a\nb", `unix:/${"a".repeat(107)}`];
const ADDRESSES = [
  "127.0.0.1:8081",
  ":8081",
  ":08081",
  "localhost:1",
  "[::]:8081",
  "[::1]:0",
  "fd:3",
  "fd:10",
  "a_b.c-d:65535",
  "[1:2:3:4:5:6:7:8]:1",
  "[::ffff:10.0.0.1]:1",
  "1.2.3.4.a.:1",
  "0x1.a:1",
  ...SOCKETS,
  `${LONG_LABEL}.ab:80`,
];
const NO_ADDRESSES = [
  "",
  "8080",
  "127.0.0.1",
  "::1",
  "[::1]",
  ":65536",
  ":99999",
  ":-1",
  ":",
  "256.0.0.1:80",
  "1.2.3:80",
  "a b:80",
  "-a:80",
  "a-:80",
  "a..b:80",
  "[::g]:80",
  "[]:80",
  "[:::]:80",
  "[1:2:3:4:5:6:7:8:9]:1",
  "[1::2::3]:1",
  "fd:2",
  "fd:00",
  "unix:80",
  "fd:x",
  "fd:10000",
  "http://a:80",
  ...NO_SOCKETS,
  `${LONG_LABEL}.abc:80`,
];
const URLS = [
  "http://app:8000",
  "HTTP://App/",
  "https://app.",
  "http://[::1]:80",
  "http://10.0.0.1",
  "http://app:",
  "http://app:08000",
  "http://a_b",
  "http://bücher.example:80",
  "http://1a",
  ...SOCKETS,
];
const NO_URLS = [
  "",
  "app:8000",
  "ftp://app",
  "//app",
  "http:/app",
  "http://",
  "http://app/api",
  "http://a?",
  "http://a#b",
  "http://u:p@a",
  "http://a:0",
  "http://a:65536",
  "http://a:x",
  "http://a b",
  "http:///a",
  "http://a/.",
  "http://a\\",
  "http://127.1",
  "http://0x7f.1",
  "http://256.1.1.1",
  "http://a.1",
  "http://[::1",
  "http://[fe80::1%25eth0]",
  "http://%61",
  "http://a+b",
  ...NO_SOCKETS,
];

/** The values by the name of the JSON Schema's definition. */
export const TEXTS: Readonly<Record<string, Values>> = {
  address: { good: ADDRESSES, bad: [...NO_ADDRESSES, "off"] },
  addressOrOff: { good: [...ADDRESSES, "off"], bad: NO_ADDRESSES },
  mode: { good: ["0660", "600"], bad: ["", "0999", "rw", "00660", "66"] },
  url: { good: URLS, bad: NO_URLS },
  upstreamReference: {
    good: ["default", "named", ...URLS],
    bad: [...NO_URLS.filter((text) => text !== "app:8000"), "-a", ".a", "a b"],
  },
  duration: { good: ["0s", "0ms", "0.0m", ...DURATIONS], bad: NO_DURATIONS },
  positiveDuration: { good: ["0.1ms", ...DURATIONS], bad: ["0s", "0ms", "0.0m", ...NO_DURATIONS] },
  share: {
    good: ["0s", "1s", "60s", "1m", "60000ms", "0.5m", "0h"],
    bad: ["61s", "60.1s", "2m", "1.5m", "1h", "60001ms", "", "5"],
  },
  size: {
    good: ["0B", "512B", "1.5KiB", "1MiB", "1GiB", "1024GiB"],
    bad: ["", "5", "64K", "64kib", "64KB", "-1B", "1TiB", "1025GiB", `${"9".repeat(40)}B`],
  },
  headerSize: {
    good: ["1024B", "1KiB", "1024KiB", "1MiB", "0.5MiB", "1.5KiB", "1048576B", "01MiB"],
    bad: ["1023B", "0KiB", "0.5KiB", "1025KiB", "1048577B", "2MiB", "1.1MiB", "1GiB", "", "1024"],
  },
  rate: { good: ["100/s", "30/m", "05/h"], bad: ["", "0/s", "-1/s", "1", "1/d", "1 / s", "1.5/s"] },
  method: { good: ["GET", "PROPFIND", "M-SEARCH", "x"], bad: ["", "G T", "GÉT", "M".repeat(65)] },
  routeName: { good: ["web api", "é", LONG_NAME], bad: ["", `${LONG_NAME}n`, "a\tb", "none"] },
  host: {
    good: ["example.com", "*.Example.com.", "a_b", "10.0.0.1", "[::1]", "1.2.3"],
    bad: ["", "*", "a:80", "http://a", "*a", "a.*", "a..b", "-a", "é", "a".repeat(254)],
  },
  path: {
    good: ["/", "/*", "/a", "/a/{id}/b", "/a/*", "/a//b/", "/%41", "/é", "/a$b", "/~!@&'()+,;=:"],
    bad: [
      "",
      "a",
      "*",
      "/a*",
      "/*/a",
      "/a?b",
      "/a#b",
      "/a b",
      "/{id",
      "/{1}",
      "/x{id}",
      "/{a}{b}",
      "/%4",
      "/%zz",
      "/a\nb",
      "/a\xA0b",
      "/a\u2028b",
    ],
  },
  range: {
    good: [
      "10.0.0.1",
      "10.0.0.0/8",
      "0.0.0.0/0",
      "1.2.3.4/32",
      "::1",
      "fc00::/7",
      "::/0",
      "::",
      "::ffff:10.0.0.1",
      "1::8",
      "1:2:3:4:5:6:7::",
      "1:2:3:4:5:6:7:8/128",
    ],
    bad: [
      "",
      "10.0.0",
      "10.0.0.0/33",
      "10.0.0.0/",
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "::1/129",
      "app",
      "fe80::1%eth0",
      "256.1.1.1",
      "01.1.1.1",
      "1.2.3.4.",
      ":::",
      "1:2:3:4:5:6:7:8:9",
      "::1::",
    ],
  },
};

/** Values for keys with free text, by key. The files exist. */
export const FREE_TEXTS: Readonly<Record<string, Values>> = {
  ca: { good: ["cert.pem"], bad: [""] },
  cert: { good: ["cert.pem"], bad: [""] },
  key: { good: ["key.pem"], bad: [""] },
  clientCA: { good: ["cert.pem"], bad: [""] },
  serverName: {
    good: ["app.internal", "a b", "$", "a$b", "$${X}"],
    bad: ["", "${", "a${X", "${X Y}"],
  },
};
