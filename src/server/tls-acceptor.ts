/** TLS for clients (RFC 8446, RFC 5246). The door of node:tls for incoming connections. */

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Server, createServer } from "node:tls";

import type { CertificateConfig, ListenerTlsConfig } from "../config/types.ts";
import { toClientCertificate } from "../http/certificate.ts";
import { parseServerName } from "../http/wire/client-hello.ts";
import { peek } from "./peek.ts";
import type { ClientTls } from "./server-handler.ts";

/** A connection whose handshake is complete. */
export interface SecureConnection {
  readonly socket: Socket;
  /** The protocol that both sides agreed on (ALPN, RFC 7301); undefined if the client named none. */
  readonly protocol: string | undefined;
  readonly tls: ClientTls;
}

/** The server's side of TLS for one listener. */
export interface TlsAcceptor {
  readonly config: ListenerTlsConfig;
  readonly ticketKeys: Buffer;
  /** Makes the handshake, without a time limit. Rejects with OpenSSL's error, or if the connection ends before. */
  accept(transport: Socket): Promise<SecureConnection>;
}

/** RFC 5077 §4: name, HMAC key and AES key of session tickets, 16 bytes each. */
const TICKET_KEY_BYTES = 48;

/** OpenSSL's number (ssl.h). Node's own constant would load node:crypto in each process. */
const SSL_OP_NO_RENEGOTIATION = 0x4000_0000;

/**
 * Creates the server's side. Throws OpenSSL's error if a certificate cannot be used.
 *
 * Session tickets of `previous` stay valid unless it verified its clients in another way: a ticket resumes a session without another
 * verification.
 */
export function createTlsAcceptor(
  config: ListenerTlsConfig,
  protocols: readonly string[],
  previous?: TlsAcceptor,
): TlsAcceptor {
  const { certificates, clientCA, clientAuth, minVersion, forwardClientCert } = config;
  const ticketKeys =
    previous !== undefined && verifiesAlike(previous.config, config)
      ? previous.ticketKeys
      : randomBytes(TICKET_KEY_BYTES);
  const toServer = ({ cert, key }: CertificateConfig): Server =>
    createServer({
      cert,
      key,
      ca: clientCA ?? [], // otherwise Node would load the well-known authorities, which verify no client
      minVersion: `TLSv${minVersion}` as const,
      // RFC 9113 §9.2.1. It also costs headgate more than the client, and could replace the verified certificate.
      secureOptions: SSL_OP_NO_RENEGOTIATION,
      ticketKeys,
      sessionIdContext: "headgate",
      ALPNProtocols: [...protocols],
      requestCert: clientAuth !== undefined,
      rejectUnauthorized: clientAuth === "require",
      handshakeTimeout: 0, // the connection's own limit covers it
    });
  const servers = toServers(certificates, toServer);
  return { config, ticketKeys, accept: createAccept(servers, forwardClientCert) };
}

function verifiesAlike(one: ListenerTlsConfig, other: ListenerTlsConfig): boolean {
  return one.clientCA === other.clientCA && one.clientAuth === other.clientAuth;
}

/** The servers of a listener: one for each certificate. */
interface Servers {
  readonly all: readonly Server[];
  readonly first: Server;
  /** By the names in their certificates; empty if there is only one certificate. */
  readonly named: ReadonlyMap<string, Server>;
}

/**
 * Each certificate has a server of its own, because Node's SNICallback adds a certificate to the first one instead of replacing it: a client
 * could then get either, if one is RSA and the other ECDSA (nodejs/node#54235).
 */
function toServers(
  [firstCertificate, ...others]: ListenerTlsConfig["certificates"],
  toServer: (certificate: CertificateConfig) => Server,
): Servers {
  const first = toServer(firstCertificate);
  const all = [first];
  const named = new Map<string, Server>();
  if (others.length > 0) addNames(firstCertificate, first);
  for (const certificate of others) {
    const server = toServer(certificate);
    all.push(server);
    addNames(certificate, server);
  }
  return { all, first, named };

  function addNames({ names }: CertificateConfig, server: Server): void {
    for (const name of names) if (!named.has(name)) named.set(name, server);
  }
}

/** Returns the server for the name that the client asks for. Its bytes stay for the handshake. */
async function chooseServer(transport: Socket, { first, named }: Servers): Promise<Server> {
  if (named.size === 0) return first;
  const name = await peek(transport, (bytes) => {
    const meaning = parseServerName(bytes);
    return meaning === undefined ? undefined : { meaning, length: 0 };
  });
  if (name === undefined) throw new Error(LEFT);
  // RFC 6125 §6.4.3: a wildcard stands for the first label only.
  return named.get(name) ?? named.get(name.replace(/^[^.]+/, "*")) ?? first;
}

function createAccept(servers: Servers, isForwarded: boolean): TlsAcceptor["accept"] {
  const handshakes = new Map<Socket, Handshake>();
  const take = (socket: TLSSocket): Handshake | undefined => {
    const transport = toTransport(socket);
    const handshake = transport && handshakes.get(transport);
    if (handshake === undefined) socket.destroy();
    if (transport !== undefined) handshakes.delete(transport);
    return handshake;
  };
  for (const server of servers.all) {
    server.on("secureConnection", (socket) => take(socket)?.succeed(socket));
    server.on("tlsClientError", (error, socket) => take(socket)?.fail(toReason(error, socket)));
  }
  return async (transport) => {
    const server = await chooseServer(transport, servers);
    return new Promise((resolve, reject) => {
      const succeed = (socket: TLSSocket): void => {
        try {
          socket.on("error", () => undefined); // it may fail before it has another listener
          socket.allowHalfOpen = true; // as the listener's sockets: HTTP decides what the end of the client's side means
          resolve(toSecureConnection(socket, isForwarded));
        } catch (error) {
          socket.destroy();
          reject(error);
        }
      };
      handshakes.set(transport, { succeed, fail: reject });
      // The TLS socket inherits this. A client that ends its side during the handshake has left.
      transport.allowHalfOpen = false;
      // Later than the TLS socket, which knows the reason.
      transport.once("close", () =>
        setImmediate(() => {
          if (handshakes.delete(transport)) reject(new Error(LEFT));
        }),
      );
      server.emit("connection", transport);
    });
  };
}

const LEFT = "the client left";

/** Node reports an end in the handshake as a reset. It closes a connection itself if it does not accept a required certificate. */
function toReason(error: Error, { authorizationError }: TLSSocket): Error {
  if (error.message !== "socket hang up") return error;
  return authorizationError ? toRefusal(authorizationError) : new Error(LEFT);
}

/** `code` is OpenSSL's code as a text, such as SELF_SIGNED_CERT_IN_CHAIN, although Node's types say Error. */
function toRefusal(code: Error): Error {
  return new Error(`the client's certificate was not accepted: ${String(code)}`);
}

interface Handshake {
  succeed(socket: TLSSocket): void;
  fail(error: Error): void;
}

/** Returns the socket below. Node has no public name for it. Undefined if a later Node keeps it elsewhere: then no handshake succeeds. */
function toTransport(socket: TLSSocket): Socket | undefined {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent; // oxlint-disable-line no-underscore-dangle -- see above
}

/** Throws if the client sent a certificate that is not valid. With `clientAuth: require`, Node has checked this already. */
function toSecureConnection(socket: TLSSocket, isForwarded: boolean): SecureConnection {
  const version = socket.getProtocol() ?? "";
  const sent = socket.getPeerX509Certificate();
  if (sent !== undefined && !socket.authorized) throw toRefusal(socket.authorizationError);
  const certificate = sent && toClientCertificate(sent, isForwarded);
  const protocol = socket.alpnProtocol || undefined;
  return { socket, protocol, tls: { version, certificate } };
}
