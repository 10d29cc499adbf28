/** An HTML document as text, with its style sheet and script in it: scripts/inline-page.mjs. */
declare module "*.html" {
  const text: string;
  export default text;
}
