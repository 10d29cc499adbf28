/** Chooses the pod's port that is the app's, and the ports that headgate listens on. */

import {
  type ContainerPort,
  type Service,
  type Workload,
  resolveTarget,
  selects,
} from "./objects.ts";

/** A port, or the reason why there is none. */
export type Choice =
  | { readonly port: number }
  | {
      readonly reason: string;
      /** Whether more than one port fits. */
      readonly isAmbiguous: boolean;
    };

/** The protocols of well-known ports that do not speak plain HTTP/1.1. */
const OTHER_PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [22, "SSH"],
  [25, "SMTP"],
  [53, "DNS"],
  [389, "LDAP"],
  [443, "TLS"],
  [1433, "SQL Server"],
  [1883, "MQTT"],
  [2181, "ZooKeeper"],
  [2379, "etcd"],
  [3306, "MySQL"],
  [4222, "NATS"],
  [5005, "the Java debugger"],
  [5432, "PostgreSQL"],
  [5672, "AMQP"],
  [6379, "Redis"],
  [8443, "TLS"],
  [9092, "Kafka"],
  [9042, "Cassandra"],
  [9229, "the Node debugger"],
  [11211, "memcached"],
  [27017, "MongoDB"],
  [50051, "gRPC"],
]);

const OTHER_NAMES =
  /^(?:https|tls|grpc|tcp|redis|postgres|pgsql|mysql|mongo|amqp|kafka|dns|smtp|ssh|ldap)(?:$|[-_]|ql|db|s$)/i;
const SIDE_NAMES = /metric|prom|health|admin|debug|mgmt|management|probe/i;
const HTTP_NAMES = /^(?:http|web)(?:$|[-_\d])/i;

/** Values of appProtocol (IANA's service names, and Kubernetes' own) that are HTTP/1.1. */
const HTTP_PROTOCOLS = /^(?:http|kubernetes\.io\/ws)$/i;

/** Chooses the app's port: a port that Services lead to, else a port that containers declare, else the port of the probes. */
export function chooseUpstreamPort(workload: Workload, services: readonly Service[]): Choice {
  const declared = workload.ports.filter(({ protocol }) => protocol === "TCP");
  const led = portsOfServices(workload, services);
  const candidates = led.length > 0 ? led : declared;
  const spoken = candidates.filter((port) => otherProtocol(port) === undefined);
  const [other] = candidates;
  if (other !== undefined && spoken.length === 0) {
    const protocol = otherProtocol(other) ?? "";
    return {
      reason: `port ${other.number} is probably ${protocol}, and headgate speaks HTTP/1.1 without TLS; --upstream-port overrides this`,
      isAmbiguous: false,
    };
  }
  const asked = workload.probePorts.map((number) => ({ number, name: undefined, protocol: "TCP" }));
  return pick(spoken.length > 0 ? spoken : asked);
}

function pick(ports: readonly ContainerPort[]): Choice {
  const narrowed = [
    ports,
    ports.filter(({ name }) => !SIDE_NAMES.test(name ?? "")),
    ports.filter(({ name }) => HTTP_NAMES.test(name ?? "")),
  ];
  for (const some of narrowed) {
    const [first, ...rest] = new Set(some.map(({ number }) => number));
    if (first !== undefined && rest.length === 0) return { port: first };
  }
  const numbers = [...new Set(ports.map(({ number }) => number))];
  if (numbers.length === 0)
    return {
      reason: "declares no containerPort; give --upstream-port",
      isAmbiguous: false,
    };
  return {
    reason: `the app may listen on ${numbers.join(" or ")}; give --upstream-port`,
    isAmbiguous: true,
  };
}

/** The protocol that a port probably has, if it is not plain HTTP/1.1. */
export function otherProtocol(port: ContainerPort): string | undefined {
  const { number, name, appProtocol = "" } = port;
  if (appProtocol !== "") return HTTP_PROTOCOLS.test(appProtocol) ? undefined : appProtocol;
  if (name !== undefined && HTTP_NAMES.test(name)) return undefined;
  if (name !== undefined && OTHER_NAMES.test(name)) return name;
  return OTHER_PROTOCOLS.get(number);
}

/** A Service's port name counts if the container does not name the port. */
function portsOfServices(
  workload: Workload,
  services: readonly Service[],
): readonly ContainerPort[] {
  return services
    .filter((service) => selects(service, workload))
    .flatMap(({ ports }) => ports)
    .flatMap((port) => {
      const number = resolveTarget(port, workload);
      if (port.protocol !== "TCP" || number === undefined) return [];
      const declared = workload.ports.find((one) => one.number === number);
      const { name = declared?.name, appProtocol } = port;
      return [{ number, name, protocol: "TCP", appProtocol }];
    });
}

/** The first port from `first` on that no container of the pod uses. */
export function freePort(first: number, taken: ReadonlySet<number>): number {
  let port = first;
  while (taken.has(port)) port += 1;
  return port;
}
