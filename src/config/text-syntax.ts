/** The syntax of the texts that the route file and the command line accept. */

/** The syntax of one kind of text, as regular expressions that mean the same in JavaScript, Go and Python. */
export interface TextSyntax {
  /** The name of its definition in the JSON Schema. */
  readonly name: string;
  /** Approximate and short, because an editor shows it in its message. */
  readonly shape: string;
  /** The exact pattern, if it is too long to show. */
  readonly exact?: string;
  /** Texts that match `shape` and are invalid. */
  readonly never?: string;
  /** In characters. */
  readonly maxLength?: number;
}
