/** Configuration reloads under load, and instances that are replaced in turn. */

import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { startBalancer } from "./balancer.ts";
import { pause } from "./crowd.ts";
import { startProber } from "./prober.ts";
import { type Row, toMs } from "./row.ts";
import { type Subject, type Surroundings, startSubject } from "./subject.ts";

/** How each subject is told to reload its configuration; subjects without a signal are missing. */
const RELOADS: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  async headgate({ adminPort }) {
    await new Promise((resolve, reject) => {
      const sent = request({ port: adminPort, host: "127.0.0.1", method: "POST", path: "/reload" });
      sent.once("error", reject).once("response", (answer) => {
        answer.resume().once("end", resolve);
        if (answer.statusCode !== 200)
          reject(new Error(`a reload was answered with ${answer.statusCode}`));
      });
      sent.end();
    });
  },
  async nginx({ child }) {
    process.kill(child.pid, "SIGHUP");
    await pause(50); // there is no sign of its end
  },
  async haproxy({ child }) {
    process.kill(child.pid, "SIGUSR2");
    await pause(50);
  },
};

/** Performs that many reloads, each of a changed file. */
export async function measureReloads(subject: Subject, count: number): Promise<readonly Row[]> {
  const reload = RELOADS[subject.name];
  if (reload === undefined) return [];
  const text = subject.name === "headgate" ? readFileSync(subject.file, "utf8") : undefined;
  const prober = startProber(subject.port);
  await pause(200);
  for (let done = 1; done <= count; done += 1) {
    if (text !== undefined)
      writeFileSync(subject.file, `${text}routes: [{ path: "/none/${done % 7}/*" }]\n`);
    await reload(subject);
  }
  await pause(200);
  const { count: asked, failed, p99Ms } = await prober.stop();
  return [
    {
      subject: subject.name,
      what: `${count} reloads under load`,
      figure: `${failed} of ${asked} requests failed, p99 ${toMs(p99Ms)}`,
      promise: "none failed",
      isMet: subject.name === "headgate" ? failed === 0 : undefined,
    },
  ];
}

/** Two instances behind a balancer that retries nothing; they are replaced in turn, that many times in total. */
export async function measureRolling(
  around: Surroundings,
  restarts: number,
): Promise<readonly Row[]> {
  const balancer = startBalancer();
  let instances = [await startSubject("headgate", around), await startSubject("headgate", around)];
  balancer.use(instances);
  for (const instance of instances) await balancer.until(instance, "used");
  for (let done = 0; done < restarts; done += 1) {
    const [old, other] = instances as [Subject, Subject];
    await old.child.stop(30_000);
    const next = await startSubject("headgate", around);
    instances = [other, next];
    balancer.use(instances);
    await balancer.until(next, "used");
  }
  const { count, failures } = await balancer.stop();
  for (const failure of failures.slice(0, 5)) console.error(`  ${failure}`);
  await Promise.all(instances.map(({ child }) => child.stop(30_000)));
  return [
    {
      subject: "headgate",
      what: `${restarts} restarts, of two instances by turns, behind a client that repeats nothing`,
      figure: `${failures.length} of ${count} requests failed`,
      promise: "none failed",
      isMet: failures.length === 0,
    },
  ];
}
