/** What the parts of the testbed share, and what each leaves behind. */
import type { Certificate, Pki } from "../../../src/embedded/pki.ts";
import { type Daemon, type DaemonSpec, startDaemon } from "../daemons.ts";
import type { Caller } from "../readiness.ts";

export class Service {
  readonly daemons: Daemon[] = [];

  /** @param folder of this service alone */
  private constructor(readonly folder: string, readonly pki: Pki) {}

  /** @param folder is made, with its parents */
  static async create(folder: string, pki: Pki): Promise<Service> {
    await Deno.mkdir(folder, { recursive: true });
    return new Service(folder, pki);
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.path(name), text, { mode: 0o600 });
    return this.path(name);
  }

  /** `<name>.crt` and `<name>.key`. */
  async writeCertificate(name: string, { certPem, keyPem }: Certificate): Promise<void> {
    await this.write(`${name}.crt`, certPem);
    await this.write(`${name}.key`, keyPem);
  }

  start(spec: DaemonSpec): Daemon {
    const daemon = startDaemon(spec, this.folder);
    this.daemons.push(daemon);
    return daemon;
  }

  /** How to reach a server of the testbed's CA. */
  caller(identity?: Certificate): Caller {
    return { caPem: this.pki.caPem, ...identity };
  }
}
