/** `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$` in the file's values. */

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const EXPRESSION = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$/s;

/**
 * The text with its variables put in. As in a shell, the forms with a colon take an empty variable for an unset one. A dollar
 * sign before anything else stands for itself. Throws a RangeError that says what is wrong.
 */
export function substitute(text: string, env: Environment): string {
  // What comes out is not looked at again: a variable's value may hold `${` and stays as it is.
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
