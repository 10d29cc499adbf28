/** Characters that look like a space but are not white space in YAML. Word processors and web pages insert them. */

/** Matches one such character. */
export const ODD_SPACE = /[\u00a0\u2000-\u200b\u202f\u3000\ufeff]/;

/** The message about such a character. */
export const ODD_SPACE_HERE = "this is no plain space, but one that looks like it: type it anew";
