/** A real Prometheus that lets nobody in without a client certificate and a password. */
import { stringify } from "yaml";
import { freePort } from "../../scripts/testbed/ports.ts";
import type { Pki } from "../../src/embedded/pki.ts";
import { programOf } from "./peers.ts";
import { RunningProgram } from "./process.ts";
import { untilReady } from "./prometheus_server.ts";

export const USER = "connector";
export const PASSWORD = "prometheus-password";
/** bcrypt of it, as `htpasswd -nBC 10` writes it. */
const PASSWORD_HASH = "$2y$10$abcdefghijklmnopqrstuuun0OIPoWn4Q0ebls.BXs9fmuMWCoby.";

/**
 * @param folder an empty folder of its own
 * @param clients whose certificates are taken
 */
export async function startGuarded(
  folder: string,
  pki: Pki,
  clients: Pki,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { certPem, keyPem } = await pki.issue("guarded prometheus");
  const files = {
    "server.crt": certPem,
    "server.key": keyPem,
    "clients.pem": clients.caPem,
    "prometheus.yaml": "scrape_configs: []\n",
    "web.yaml": stringify({
      tls_server_config: {
        cert_file: "server.crt",
        key_file: "server.key",
        client_auth_type: "RequireAndVerifyClientCert",
        client_ca_file: "clients.pem",
      },
      basic_auth_users: { [USER]: PASSWORD_HASH },
    }),
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  const port = freePort();
  const server = new RunningProgram(programOf("prometheus"), {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.config.file=${folder}/web.yaml`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}/data`,
    ],
  });
  const close = async () => void await server.stop();
  await untilReady(server, close);
  return { url: `https://127.0.0.1:${port}`, close };
}
