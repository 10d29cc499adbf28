/** Which of the two text formats a scraper asks for. */

const OPEN_METRICS = "application/openmetrics-text";
const PROMETHEUS = "text/plain";

/** Prometheus sends about 250 characters; a longer field is not worth the work. */
const MAX_LENGTH = 2048;

/**
 * Whether an Accept field (RFC 9110 §12.5.1) names OpenMetrics, at least as gladly as the older text format. Wildcards do
 * not count: a browser or curl, which send them, are better served with what they can show.
 */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > MAX_LENGTH) return false;
  let openMetrics = 0;
  let prometheus = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    const weight = toWeight(parameters);
    // A version that we do not write must not be answered with 1.0.0; 0.0.1 is its draft, which scrapers list as well.
    const isVersionKnown = parameters.every(
      (part) => !part.startsWith("version=") || /^version="?(1\.0\.0|0\.0\.1)"?$/.test(part),
    );
    if (type === OPEN_METRICS && isVersionKnown) openMetrics = Math.max(openMetrics, weight);
    if (type === PROMETHEUS) prometheus = Math.max(prometheus, weight);
  }
  return openMetrics > 0 && openMetrics >= prometheus;
}

function toWeight(parameters: readonly string[]): number {
  const weight = parameters.find((part) => part.startsWith("q="));
  const value = weight === undefined ? 1 : Number(weight.slice(2));
  return value >= 0 && value <= 1 ? value : 0;
}
