/** Compares texts by what one leaves of the other. */

/** Whether a text results from another one by leaving out characters. */
export function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole) if (character === part[at]) at++;
  return at === part.length;
}
