/** Parses the metrics and labels of a PromQL expression, as far as headgate's rules and dashboards need it. */

/** A metric of an expression. */
export interface Selected {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** All metrics of an expression, with the labels that their selectors use. */
export function selectorsIn(expression: string): readonly Selected[] {
  const found = expression.matchAll(
    /\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+|up)\b(?!\s*\()(?:\{([^}]*)\})?/g,
  );
  return [...found]
    .filter(([, metric = ""]) => !AGGREGATED.has(metric))
    .map(([, metric = "", matchers = ""]) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = ""]) => label),
    }));
}

/** The labels that an expression groups or joins by. */
export function groupingsIn(expression: string): readonly string[] {
  const lists = expression.matchAll(/\b(?:by|on|without|ignoring|group_left)\s*\(([^)]*)\)/g);
  return [...lists]
    .flatMap(([, list = ""]) => list.split(",").map((label) => label.trim()))
    .filter(Boolean);
}

/** Words with an underscore that are not metrics. */
const AGGREGATED: ReadonlySet<string> = new Set(["group_left", "group_right"]);
