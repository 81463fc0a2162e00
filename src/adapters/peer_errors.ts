/** What a failed call says: who must do what, in which key of the configuration. */
import { ConnectorError, RefusedError, StalledError, TransientError } from "../errors.ts";
import type { PeerOptions } from "./peer.ts";

/** What rustls says of a peer that will not do; a connection that merely broke off may come back. */
const UNTRUSTED =
  /invalid peer certificate|corrupt message|fatal alert|peer (is incompat|misbehav)/i;
/** RFC 8446, 6.2: alerts by which a server speaks of the client's certificate, or of its absence. */
const OF_CLIENT_CERTIFICATE =
  /fatal alert: (\w*Certificate\w*|Unknown ?CA|AccessDenied|DecryptError)/i;

/** The typed error for what a call threw. */
export function networkError(error: unknown, options: PeerOptions): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const { name, proxy } = options;
  const key = keysOf(options);
  const where = `${name} at ${new URL(options.baseUrl).origin}`;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new TransientError("timeout", `${where} did not answer in time`, { cause: error });
  }
  const reason = lastReason(error);
  if (/encountered redirect/i.test(reason)) {
    return new RefusedError("peer_not_allowed", `${where} answered with a redirect`, {
      cause: error,
      hint: "configure the final address; redirects are never followed with credentials",
    });
  }
  if (/proxy authentication required/i.test(reason)) return proxyRefusal(options, error);
  if (/unsuccessful tunnel/i.test(reason)) {
    return new TransientError("unavailable", `${proxyOf(options)} opened no tunnel to ${where}`, {
      cause: error,
      hint: `check that it lets CONNECT through to this address, or change ${key("proxy")}`,
    });
  }
  if (OF_CLIENT_CERTIFICATE.test(reason)) return certificateRefusal(options, where, reason, error);
  if (UNTRUSTED.test(reason)) {
    return new StalledError("tls_untrusted", `Cannot trust ${where}: ${reason}`, {
      cause: error,
      hint: `check ${
        key("caFile")
      }, the certificate's names and dates, and that the port speaks TLS`,
    });
  }
  const way = proxy === undefined ? "" : ` through the proxy ${proxy}`;
  const shown = options.certPem === undefined
    ? ""
    : `; some servers break off so when ${key("clientCertFile")} will not do`;
  return new TransientError("unavailable", `Cannot reach ${where}${way}: ${reason}`, {
    cause: error,
    hint: `check the address, the network policy and ${
      proxy === undefined ? "the proxy" : key("proxy")
    }${shown}`,
  });
}

/** A proxy that wants to know who asks. */
export function proxyRefusal(options: PeerOptions, cause?: unknown): StalledError {
  const key = keysOf(options);
  const problem = options.proxyAuth === undefined
    ? "asks for a user name and a password"
    : `does not take the credentials of ${options.proxyAuth.username}`;
  return new StalledError("access_denied", `${proxyOf(options)} ${problem}`, {
    cause,
    hint: `check ${key("proxyBasicAuth")}; no other way to log in to a proxy is supported`,
  });
}

function certificateRefusal(
  options: PeerOptions,
  where: string,
  reason: string,
  cause: unknown,
): StalledError {
  const key = keysOf(options);
  if (options.certPem === undefined) {
    return new StalledError("tls_untrusted", `${where} asks for a client certificate: ${reason}`, {
      cause,
      hint: `set ${key("clientCertFile")} and ${key("clientKeyFile")}`,
    });
  }
  return new StalledError(
    "tls_untrusted",
    `${where} does not take the client certificate: ${reason}`,
    {
      cause,
      hint: `check the dates and the issuer of ${
        key("clientCertFile")
      }, and which CA the server trusts its clients by`,
    },
  );
}

/** The runtime goes by the environment where the configuration names none. */
function proxyOf({ proxy }: PeerOptions): string {
  return proxy === undefined ? "The proxy of HTTPS_PROXY or HTTP_PROXY" : `The proxy ${proxy}`;
}

/** How a key is called in the configuration. */
function keysOf({ section }: PeerOptions): (key: string) => string {
  return (key) => section === undefined ? key : `${section}.${key}`;
}

/** The innermost reason, without the URL: a path may hold any word, and a query a secret. */
export function lastReason(error: unknown): string {
  let reason = String(error);
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    reason = current.message;
  }
  return reason.replace(/^error sending request .*?: client error/s, "client error")
    .replaceAll(/\s+/g, " ").slice(0, 300);
}
