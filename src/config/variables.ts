/** `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$` in the file's values. */

/** The environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const EXPRESSION = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$/s;

/**
 * Replaces the variables in the text with their values. As in a shell, the forms with a colon treat an empty variable as unset.
 * A dollar sign before any other character stands for itself. Throws a RangeError that says what is wrong.
 */
export function substitute(text: string, env: Environment): string {
  // The result is not substituted again: a `${` in a variable's value stays as it is.
  return text.replace(
    /\$(?:\$|\{([^}]*)(\})?)/g,
    (match, expression: string | undefined, end: string | undefined) => {
      if (match === "$$") return "$";
      if (end === undefined)
        throw new RangeError('"${" has no end; write $${ for the characters themselves');
      return evaluate(expression ?? "", env);
    },
  );
}

/** In characters. A shorter value is no secret, and may be part of any word. */
const MIN_NAMED_LENGTH = 4;

/** Creates a function that replaces the values of the text's variables with `${NAME}` in a message: a value may be secret. */
export function createNaming(text: string, env: Environment): (message: string) => string {
  // Computed at the first message, because only an invalid file needs it.
  let values: ReturnType<typeof findValues> | undefined;
  return (message) => {
    values ??= findValues(text, env);
    return values.reduce((shown, [value, name]) => shown.replaceAll(value, () => name), message);
  };
}

/** Finds the values of the text's variables, each with its expression. The longest is first, because one may be part of another. */
function findValues(
  text: string,
  env: Environment,
): readonly (readonly [value: string, expression: string])[] {
  const used = new Map<string, string>();
  for (const [, name = ""] of text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)) {
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && value.length >= MIN_NAMED_LENGTH) used.set(value, `\${${name}}`);
  }
  return [...used].toSorted(([one], [other]) => other.length - one.length);
}

function evaluate(expression: string, env: Environment): string {
  const [, name, operator, rest = ""] = EXPRESSION.exec(expression) ?? [];
  if (name === undefined)
    throw new RangeError(
      `"\${${expression}}" is not \${NAME}, \${NAME:-default} or \${NAME:?message}`,
    );
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && (value !== "" || operator === undefined)) return value;
  if (operator === "-") return rest;
  if (operator === "?")
    throw new RangeError(
      `the variable ${name} is ${value === undefined ? "not set" : "empty"}${rest === "" ? "" : `: ${rest}`}`,
    );
  throw new RangeError(`the variable ${name} is not set; \${${name}:-…} gives a default`);
}
