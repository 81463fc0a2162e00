/** A certificate that is renewed in a mounted Secret. */
import { withWorld } from "../fakes/agent_world.ts";
import { type OpenVolume, renewListener } from "../fakes/renewed_listener.ts";
import { link } from "./symbolic_link.ts";

/** A volume as the kubelet writes it: names that lead through `..data`, which is set anew in one step. */
const mountedVolume: OpenVolume = async (folder) => {
  const volume = `${folder}/tls`;
  await Deno.mkdir(volume);
  for (const file of ["tls.crt", "tls.key"]) {
    await link(`..data/${file}`, `${volume}/${file}`);
  }
  let version = 0;
  return {
    certFile: `${volume}/tls.crt`,
    keyFile: `${volume}/tls.key`,
    async put({ certPem, keyPem }) {
      const name = `..version_${++version}`;
      await Deno.mkdir(`${volume}/${name}`);
      await Deno.writeTextFile(`${volume}/${name}/tls.crt`, certPem);
      await Deno.writeTextFile(`${volume}/${name}/tls.key`, keyPem);
      await link(name, `${volume}/..data_tmp`);
      await Deno.rename(`${volume}/..data_tmp`, `${volume}/..data`);
    },
  };
};

Deno.test("an agent serves the certificate of a Secret that is mounted, once it was renewed there", () =>
  withWorld((world) => renewListener(world, mountedVolume)));
