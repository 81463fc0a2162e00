/** What a client of a peer is made of, from the files and the proxy that its section names. */
import type { SecretMask } from "../log.ts";
import type { Files, HttpClientOptions } from "../runtime.ts";
import { readCa, readConfigured } from "./read_files.ts";

/** The keys of a section that say how a peer is reached. */
export interface ClientSection {
  readonly caFile?: string | undefined;
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
  readonly proxy?: string | undefined;
  readonly proxyBasicAuth?:
    | { readonly username: string; readonly passwordFile: string }
    | undefined;
}

/**
 * @param name of the section, for messages: `prometheus`
 * Throws StalledError `config_invalid`.
 */
export async function readClient(
  files: Files,
  name: string,
  { caFile, clientCertFile, clientKeyFile, proxy, proxyBasicAuth }: ClientSection,
  mask?: SecretMask,
): Promise<HttpClientOptions> {
  const read = (key: string, path: string) => readConfigured(files, `${name}.${key}`, path);
  const ca = await readCa(files, `${name}.caFile`, caFile);
  const pair = clientCertFile === undefined || clientKeyFile === undefined ? {} : {
    certPem: await read("clientCertFile", clientCertFile),
    keyPem: await read("clientKeyFile", clientKeyFile),
  };
  if (proxy === undefined) return { ...ca, ...pair };
  if (!proxyBasicAuth) return { ...ca, ...pair, proxy };
  const { username, passwordFile } = proxyBasicAuth;
  const password = (await read("proxyBasicAuth.passwordFile", passwordFile)).trim();
  return {
    ...ca,
    ...pair,
    proxy,
    proxyAuth: { username, password: mask?.add(password) ?? password },
  };
}

/** The files whose renewal needs another client, and nothing else. */
export function renewedFiles(
  { clientCertFile, clientKeyFile, proxyBasicAuth }: ClientSection,
): string[] {
  return [clientCertFile, clientKeyFile, proxyBasicAuth?.passwordFile]
    .filter((path) => path !== undefined);
}
