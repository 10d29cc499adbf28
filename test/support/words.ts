/** The word contract: the field's words in file names, exported names, comments and titles of tests. Reads lines only, as the layer contract does. */

/**
 * Words that were replaced, and the word to use. A pattern is matched against a name in lower case with `-` between its words:
 * `createInFlight` is `create-in-flight`.
 */
const REPLACED_WORDS: readonly (readonly [old: RegExp, use: string])[] = [
  [/^answer|-answer/, "response"],
  [/^ask(ed|ing|s)?\b|-ask(ed|ing|s)?\b/, "send, request, OutgoingRequest"],
  [/\bmost\b/, "max"],
  [/\blongest\b/, "max"],
  [
    /\b(who|what)ever\b|\b(no|any|some|every)body\b/,
    "the actor: client, upstream, headgate, operator, caller",
  ],
  [/\b(told|said|got|kept)\b/, "hit, received, result, stored"],
  [/\bvisitors?\b/, "Connection"],
  [/\bplaces?\b/, "ConnectionLimiter, slot, key, destination"],
  [/\b(passenger|seat)s?\b/, "Waiter"],
  [/(?<!\bin-)\bflights?\b/, "InFlight"],
  [/\bunasked\b|\bunanswered\b/, "unsolicited, no response"],
  [/\buntouched\b/, "retryable, unchanged"],
  [/\bending\b|^end-gently$/, "linger, end, options"],
  [/^is-taken$/, "isHijacked, isDetached"],
  [/\bahead\b/, "pipelined"],
  [/\bdial\b/, "connect"],
  [/\bpooled\b/, "PendingRequest"],
  [/^bark$/, "onWatchdog, onDue"],
  [/^touch$/, "markActivity"],
  [/\bgather\b/, "batchWrites"],
  [/\bpressure\b(?<!\bgc-pressure)/, "gcPressure"],
  [/\bgive-way\b/, "evict"],
  [/\bwhole\b(?!-number)/, "full, complete"],
  [/^learn(s|t)?$|^knows$|^known$|^forgetful$/, "NegativeCache: add, has, delete"],
  [/\bguarded\b/, "passthrough"],
  [/\bobstacle\b|\bincidental\b/, "bypassReason, IGNORED_FIELDS"],
  [/\btally\b/, "counters"],
  [/\bbacklog\b/, "batch queue"],
  [/\bgreeting\b/, "startup banner"],
  [/\bgeneration\b/, "snapshot"],
  // `findings` alone is a key of `doctor --json`.
  [/\bmistakes?\b|\bfindings?\b(?<!^findings)/, "Diagnostic"],
  [/^written\b/, "raw, RawConfig"],
  [/^suggest$/, "didYouMean"],
  [/\bpatience\b/, "options"],
  [/^incoming$/, "ExchangeContext, IncomingRequest"],
  [/\b(introduction|entrance)\b/, "ClientInfo, ListeningSocket"],
];

/** Exported names that users see, as `path#name`. They keep a replaced word. */
const PUBLIC_NAMES: ReadonlySet<string> = new Set([
  // A key of /status.json.
  "src/ops/status/upstream-status.ts#answers",
]);

/** Words that hide the actor or the subject of a sentence, for comments. */
const COMMENT_WORDS =
  /\b(?:nobody|anybody|somebody|everybody|whoever|whomever|what is said|whatever is|one who)\b/i;

/** Words of a title that were replaced, and what to use. A title is about messages, so the RFC's words are the only ones. */
const TITLE_WORDS: readonly (readonly [old: RegExp, use: string])[] = [
  [COMMENT_WORDS, "name the actor"],
  [/\b(?:un)?answer(?:s|ed|ing)?\b/i, "use response, responds, gets a response"],
  [/\bask(?:s|ed|ing)?\b/i, "use send, request"],
];

/** Finds the violations in the names of a file (path → source text): its own name and the names that it exports, with members. */
export function findNameViolations(files: ReadonlyMap<string, string>): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const names = [...path.split("/").map(withoutExtension), ...exportedNames(text)];
    return names.flatMap((name) => {
      if (PUBLIC_NAMES.has(`${path}#${name}`)) return [];
      const rule = REPLACED_WORDS.find(([old]) => old.test(toWords(name)));
      return rule === undefined ? [] : [`${path}: ${name} has a replaced word; use ${rule[1]}`];
    });
  });
}

/** Finds the violations in the comments of files (path → source text). */
export function findCommentViolations(files: ReadonlyMap<string, string>): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    commentsOf(text).flatMap((comment) => {
      const word = COMMENT_WORDS.exec(comment)?.[0];
      return word === undefined ? [] : [`${path}: a comment has '${word}'; name the actor`];
    }),
  );
}

/** Finds the violations in the titles of tests (path → source text): the text in the first argument of a test or suite. */
export function findTitleViolations(files: ReadonlyMap<string, string>): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    [...text.matchAll(TITLE)].flatMap(([, title = ""]) => {
      const rule = TITLE_WORDS.find(([old]) => old.test(title));
      if (rule === undefined) return [];
      return [`${path}: the title "${title}" has '${rule[0].exec(title)?.[0]}'; ${rule[1]}`];
    }),
  );
}

/** A test, a subtest (`t.test`) or a suite; `testReal` and the like are tests that need a program. */
const TITLE = /(?<![\w$])(?:\w+\.)?(?:test\w*|it|describe)(?:\.\w+)?\(\s*["`]([^"`]*)/g;

const DECLARATION =
  /^export (?:declare |abstract |async )*(?:function\*?|const|class|interface|type|enum) (\w+)/gm;
const BODY = /^export (?:abstract )?(?:interface|class) [^{]*\{\n([\s\S]*?)^\}/gm;
const MEMBER =
  /^ {2}(?!private |if |for |while |switch |return )(?:readonly |static |override |async |get |set )*(\w+)\??[(:<]/gm;

function exportedNames(text: string): readonly string[] {
  const bodies = [...text.matchAll(BODY)].map(([, body = ""]) => body);
  const members = bodies.flatMap((body) => [...body.matchAll(MEMBER)]);
  return [...text.matchAll(DECLARATION), ...members].map(([, name = ""]) => name);
}

function commentsOf(text: string): readonly string[] {
  const comments = text.matchAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*(?:\n\s*\/\/[^\n]*)*/g);
  // A sentence may continue in the next line.
  return [...comments].map(([comment]) => comment.replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, " "));
}

function withoutExtension(name: string): string {
  return name.replace(/(?:\.test)?\.[jt]s$/, "");
}

function toWords(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}
