/** Tries the endpoints, several at one time. */

import type { Client } from "./client.ts";
import { type Verdict, judge } from "./compare.ts";
import type { Endpoint } from "./parameters.ts";
import { type Observation, observe } from "./probe.ts";
import { assertReached } from "./reach.ts";

/** What came of one endpoint. */
export interface Examined {
  readonly endpoint: Endpoint;
  readonly direct: Observation;
  readonly verdict: Verdict;
  /** The same through headgate. */
  readonly through: Through | undefined;
}

/** A HEAD through headgate beside the GET of the backend itself. */
export interface Through {
  readonly observation: Observation;
  readonly verdict: Verdict;
}

/** Who is tried, and how. */
export interface Examination {
  readonly client: Client;
  readonly through: Client | undefined;
  readonly concurrency: number;
  readonly asksOptions: boolean;
  /** Called before each endpoint. */
  onBegin(endpoint: Endpoint, index: number): void;
}

/** Tries each endpoint, and resolves in their order. Rejects with an UnreachedError if a backend cannot be reached at all. */
export async function examine(
  endpoints: readonly Endpoint[],
  examination: Examination,
): Promise<readonly Examined[]> {
  const results: Examined[] = [];
  const queue = endpoints.entries();
  const responded = new Set<Client>();
  let hasFailed = false;
  const look = async (endpoint: Endpoint, client: Client): Promise<Observation> => {
    const { connect, limits, url } = client;
    const fields = [...client.fields, ...endpoint.fields];
    const ask = { target: endpoint.target, fields, asksOptions: examination.asksOptions };
    const observation = await observe(connect, ask, limits);
    if ("response" in observation.get) responded.add(client);
    // A backend that goes away in the middle is seen in the table.
    else if (!responded.has(client)) assertReached(observation.get.failure, url);
    return observation;
  };
  const work = async (): Promise<void> => {
    for (const [index, endpoint] of queue) {
      if (hasFailed) return;
      examination.onBegin(endpoint, index);
      results[index] = await examineOne(endpoint, examination, look).catch((error: unknown) => {
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
  look: (endpoint: Endpoint, client: Client) => Promise<Observation>,
): Promise<Examined> {
  const direct = await look(endpoint, client);
  const observation = through === undefined ? undefined : await look(endpoint, through);
  return {
    endpoint,
    direct,
    verdict: judge(direct),
    through: observation && { observation, verdict: judgeThrough(direct, observation) },
  };
}

/** What headgate promises: its HEAD is the backend's GET. A GET that headgate answers in another way is wrong as well. */
function judgeThrough(direct: Observation, observation: Observation): Verdict {
  const { get, again } = direct;
  const verdict = judge({ ...observation, get, again });
  const through = observation.get;
  if ("failure" in through && "response" in get)
    return { ...verdict, kind: "broken", reason: `GET: ${through.failure.message}` };
  if (
    "response" in through &&
    "response" in get &&
    through.response.status !== get.response.status
  ) {
    const finding = {
      kind: "get",
      get: get.response.status,
      through: through.response.status,
    } as const;
    return { ...verdict, kind: "differs", findings: [...verdict.findings, finding] };
  }
  return verdict;
}
