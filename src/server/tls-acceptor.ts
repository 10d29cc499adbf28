/** TLS for clients (RFC 8446, RFC 5246). The door of node:tls for incoming connections. */

import { X509Certificate, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type SecureContext, type Server, createSecureContext, createServer } from "node:tls";

import type { CertificateConfig, ListenerTlsConfig } from "../config/types.ts";
import { toClientCertificate, toHostNames } from "../http/certificate.ts";
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
  const toOptions = ({ cert, key }: CertificateConfig) => ({
    cert,
    key,
    ca: clientCA ?? [], // otherwise Node would load the well-known authorities, which verify no client
    minVersion: `TLSv${minVersion}` as const,
    // RFC 9113 §9.2.1. It also costs headgate more than the client, and could replace the verified certificate.
    secureOptions: SSL_OP_NO_RENEGOTIATION,
    ticketKeys,
    sessionIdContext: "headgate",
  });
  const [first, ...others] = certificates;
  const server = createServer({
    ...toOptions(first),
    ALPNProtocols: [...protocols],
    requestCert: clientAuth !== undefined,
    rejectUnauthorized: clientAuth === "require",
    SNICallback: toServerNames(others, (one) => createSecureContext(toOptions(one))),
    handshakeTimeout: 0, // the connection's own limit covers it
  });
  return { config, ticketKeys, accept: createAccept(server, forwardClientCert) };
}

function verifiesAlike(one: ListenerTlsConfig, other: ListenerTlsConfig): boolean {
  return one.clientCA === other.clientCA && one.clientAuth === other.clientAuth;
}

type ChooseContext = (
  name: string,
  done: (error: Error | null, context?: SecureContext) => void,
) => void;

/** Creates the function that finds a certificate by the name that a client asks for (SNI, RFC 6066 §3). */
function toServerNames(
  certificates: readonly CertificateConfig[],
  toContext: (certificate: CertificateConfig) => SecureContext,
): ChooseContext {
  const contexts = new Map<string, SecureContext>();
  for (const certificate of certificates) {
    const context = toContext(certificate);
    for (const name of toHostNames(new X509Certificate(certificate.cert)))
      if (!contexts.has(name)) contexts.set(name, context);
  }
  return (name, done) => {
    const host = name.toLowerCase();
    // RFC 6125 §6.4.3: a wildcard stands for the first label only.
    const context = contexts.get(host) ?? contexts.get(host.replace(/^[^.]+/, "*"));
    // oxlint-disable-next-line unicorn/no-null -- null: no error; without a context, the first certificate is used
    done(null, context);
  };
}

function createAccept(server: Server, isForwarded: boolean): TlsAcceptor["accept"] {
  const handshakes = new Map<Socket, Handshake>();
  const take = (socket: TLSSocket): Handshake | undefined => {
    const transport = toTransport(socket);
    const handshake = transport && handshakes.get(transport);
    if (handshake === undefined) socket.destroy();
    if (transport !== undefined) handshakes.delete(transport);
    return handshake;
  };
  server.on("secureConnection", (socket) => take(socket)?.succeed(socket));
  server.on("tlsClientError", (error, socket) => take(socket)?.fail(toReason(error, socket)));
  return (transport) =>
    new Promise((resolve, reject) => {
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
