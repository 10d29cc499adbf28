/** More connections than file descriptors: open connections are served, and all others once descriptors are free again. */

import { Agent } from "node:http";
import { dismiss, openCrowd, pause } from "./crowd.ts";
import { sendOnce } from "./prober.ts";
import type { Row } from "./row.ts";
import { type Surroundings, startSubject } from "./subject.ts";

const MAX_FILES = 64;
const CROWD = 150;

/** Measures it. */
export async function measureFiles(around: Surroundings): Promise<readonly Row[]> {
  const prefix = ["prlimit", `--nofile=${MAX_FILES}`];
  const subject = await startSubject("headgate", around, { prefix });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await sendOnce(subject.port, "/small", agent);
  const crowd = await openCrowd(subject.port, CROWD, () => undefined);
  let served = 0;
  for (let done = 0; done < 100; done += 1)
    if ((await sendOnce(subject.port, "/small", agent)) === 200) served += 1;
  const isAlive = !subject.child.hasExited();
  dismiss(crowd);
  await pause(500);
  const recovered = await sendOnce(subject.port, "/small", false);
  agent.destroy();
  await subject.child.stop(10_000);
  return [
    {
      subject: "headgate",
      what: `${CROWD} connections with ${MAX_FILES} file descriptors: requests on a connection that was there before`,
      figure: `${served} of 100 answered${isAlive ? "" : ", and the process ended"}`,
      promise: "all",
      isMet: served === 100 && isAlive,
    },
    {
      subject: "headgate",
      what: "a new connection once they are gone",
      figure: recovered === 200 ? "answered" : "not answered",
      promise: "answered",
      isMet: recovered === 200,
    },
  ];
}
