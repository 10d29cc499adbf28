/** Finds the Compose service that headgate stands in front of, and its published ports. */

import type { MapNode, TreeNode } from "../../config/yaml/tree.ts";
import type { InjectOptions } from "./options.ts";
import { otherProtocol } from "./ports.ts";
import {
  type SourceNode,
  assertNoTemplate,
  read,
  readItems,
  readText,
  refuse,
  startOf,
} from "./source.ts";

/** One item of a service's `ports`. */
export interface Published {
  readonly node: TreeNode;
  /** Undefined if the port is a range or a variable. */
  readonly port: number | undefined;
  readonly isTcp: boolean;
  readonly appProtocol: string | undefined;
}

/** The service that headgate stands in front of. */
export interface App extends SourceNode {
  readonly name: string;
  readonly services: MapNode;
  readonly service: MapNode;
  readonly published: readonly Published[];
  readonly upstreamPort: number;
}

/** Chooses the service. Throws a Refusal if the service or its port is ambiguous. */
export function chooseApp(
  place: SourceNode,
  services: MapNode,
  { compose, upstreamPort }: InjectOptions,
): App {
  const candidates = services.entries.flatMap(({ key = "", value }) => {
    const published = readItems(place.tree, value, "ports").map((node) => toPublished(place, node));
    const spoken = published.filter((one) => one.isTcp && mayBeHttp(one));
    const ports = [...new Set(spoken.map(({ port }) => port))];
    return [{ name: key, value, published, ports }];
  });
  const named = candidates.find(({ name }) => name === compose);
  const publishing = candidates.filter(({ ports }) => ports.length > 0);
  const [found, ...others] = named === undefined ? publishing : [named];
  if (compose !== undefined && named === undefined)
    return refuse(place, startOf(services), `there is no service ${compose}`);
  if (found === undefined)
    return refuse(place, startOf(services), "no service publishes a port; give --compose SERVICE");
  if (others.length > 0) {
    const names = publishing.map(({ name }) => name).join(", ");
    return refuse(place, startOf(services), `${names} publish ports; give --compose SERVICE`);
  }
  const titled = { ...place, title: `services.${found.name}` };
  const { value: service, ports, published, name } = found;
  if (service.kind !== "map") return refuse(titled, service, "is no mapping of its own");
  const [port, ...more] = ports;
  const chosen = upstreamPort ?? (more.length === 0 ? port : undefined);
  if (chosen === undefined)
    return refuse(
      titled,
      startOf(read(place.tree, service, "ports") ?? service),
      "the app's port cannot be told from its ports; give --upstream-port",
    );
  const mode = read(place.tree, service, "network_mode");
  if (mode !== undefined)
    refuse(titled, mode, "a service with a network_mode publishes nothing that could move");
  assertNoTemplate(titled, service);
  return { ...titled, name, services, service, published, upstreamPort: chosen };
}

function mayBeHttp({ port, appProtocol }: Published): boolean {
  if (port === undefined) return true;
  const named = { number: port, name: undefined, protocol: "TCP", appProtocol };
  return otherProtocol(named) === undefined;
}

/** The short form of a port, `127.0.0.1:8000:8000/tcp`: the container's port is at its end. */
export const SHORT = /^(.*:)?(\d+)(\/\w+)?$/s;

function toPublished({ tree }: SourceNode, node: TreeNode): Published {
  if (node.kind === "map") {
    const port = Number(readText(tree, node, "target"));
    const isTcp = (readText(tree, node, "protocol") ?? "tcp") === "tcp";
    const appProtocol = readText(tree, node, "app_protocol");
    return { node, port: Number.isInteger(port) ? port : undefined, isTcp, appProtocol };
  }
  const text = node.kind === "scalar" ? String(node.value ?? "") : "";
  const [, , port, protocol = "/tcp"] = SHORT.exec(text) ?? [];
  return {
    node,
    port: port === undefined ? undefined : Number(port),
    isTcp: !/\/(?:udp|sctp)$/.test(text) && protocol === "/tcp",
    appProtocol: undefined,
  };
}
