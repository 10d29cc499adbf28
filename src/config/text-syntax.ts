/** The syntax of texts that the route file and the command line take. */

/** What a text looks like, as regular expressions that JavaScript, Go and Python read alike. */
export interface TextSyntax {
  /** The name of its definition. */
  readonly name: string;
  /** Approximate and short: an editor shows it in its message. */
  readonly shape: string;
  /** The exact pattern, where it is too long to show. */
  readonly exact?: string;
  /** Invalid texts of that shape. */
  readonly never?: string;
  readonly maxLength?: number;
}
