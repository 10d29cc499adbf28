/** An HTML document as text. scripts/inline-page.mjs inlines its style sheet and script. */
declare module "*.html" {
  const text: string;
  export default text;
}
