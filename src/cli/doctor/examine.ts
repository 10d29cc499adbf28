/** Tries the endpoints, several at a time. */

import { type Client, withFields } from "./client.ts";
import { TOO_MANY, type Verdict, isCut, judge } from "./compare.ts";
import { compareFields } from "./field-differences.ts";
import type { Endpoint } from "./parameters.ts";
import { type Observation, observe } from "./observation.ts";
import { assertReached } from "./reach.ts";

/** The result for one endpoint. */
export interface Examined {
  readonly endpoint: Endpoint;
  readonly direct: Observation;
  readonly verdict: Verdict;
  /** The result through headgate. */
  readonly through: Through | undefined;
}

/** The result of HEAD and GET through headgate, beside the backend's own. */
export interface Through {
  readonly observation: Observation;
  readonly verdict: Verdict;
}

/** The endpoints to try, the clients to try them with, and the options. */
export interface Examination {
  readonly client: Client;
  readonly through: Client | undefined;
  readonly concurrency: number;
  readonly sendsOptions: boolean;
  /** Called before each endpoint. */
  onBegin(endpoint: Endpoint, index: number): void;
}

/** Tries each endpoint; the results keep their order. Rejects with an UnreachedError if a backend cannot be reached at all. */
export async function examine(
  endpoints: readonly Endpoint[],
  examination: Examination,
): Promise<readonly Examined[]> {
  const results: Examined[] = [];
  const queue = endpoints.entries();
  const responded = new Set<Client>();
  let hasFailed = false;
  const tryOne = async (endpoint: Endpoint, client: Client): Promise<Observation> => {
    const { connect, limits, url } = client;
    const fields = withFields(client.fields, endpoint.fields);
    const request = { target: endpoint.target, fields, sendsOptions: examination.sendsOptions };
    const observation = await observe(connect, request, limits);
    if ("response" in observation.get) responded.add(client);
    // If a backend fails after its first response, the table shows the failure.
    else if (!responded.has(client)) assertReached(observation.get.failure, url);
    return observation;
  };
  const work = async (): Promise<void> => {
    for (const [index, endpoint] of queue) {
      if (hasFailed) return;
      examination.onBegin(endpoint, index);
      results[index] = await examineOne(endpoint, examination, tryOne).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: examination.concurrency }, work));
  return results;
}

async function examineOne(
  endpoint: Endpoint,
  { client, through }: Examination,
  tryOne: (endpoint: Endpoint, client: Client) => Promise<Observation>,
): Promise<Examined> {
  const direct = await tryOne(endpoint, client);
  const observation = through === undefined ? undefined : await tryOne(endpoint, through);
  return {
    endpoint,
    direct,
    verdict: judge(direct),
    through: observation && { observation, verdict: judgeThrough(direct, observation) },
  };
}

/**
 * headgate promises that its HEAD equals its GET, and that its GET equals the backend's. The field values of the two GETs are not
 * compared, because the backend may respond differently to another client (X-Forwarded-For).
 */
function judgeThrough(direct: Observation, observation: Observation): Verdict {
  const verdict = judge(observation);
  const [backend, through] = [direct.get, observation.get];
  if ("failure" in backend) return verdict;
  if ("failure" in through)
    return { ...verdict, kind: "broken", reason: `GET: ${through.failure.message}` };
  if (isCut(through) && !isCut(backend)) return { ...verdict, kind: "broken" };
  const { status, fields } = backend.response;
  const sent = through.response;
  const again =
    direct.again !== undefined && "response" in direct.again ? direct.again.response : undefined;
  if (sent.status !== status) {
    // A limit of the backend's, or a status that it sends at times, is not headgate's doing.
    if (sent.status === TOO_MANY || sent.status === again?.status) return verdict;
    const fault = { kind: "get", get: status, through: sent.status } as const;
    return { ...verdict, kind: "differs", faults: [...verdict.faults, fault] };
  }
  const lost = compareFields(fields, again?.fields, sent.fields)
    .filter(({ kind }) => kind !== "different")
    .map((difference) => ({ kind: "field", difference }) as const);
  if (lost.length === 0) return verdict;
  const kind = verdict.kind === "fine" || verdict.kind === "unknown" ? "differs" : verdict.kind;
  return { ...verdict, kind, faults: [...verdict.faults, ...lost] };
}
