/** Characters that look like a space and are none in YAML. Word processors and web pages write them. */

/** One such character. */
export const ODD_SPACE = /[\u00a0\u2000-\u200b\u202f\u3000\ufeff]/;

/** What is said of one. */
export const ODD_SPACE_HERE = "this is no plain space, but one that looks like it: type it anew";
