import { withWorld } from "../fakes/agent_world.ts";
import { type OpenVolume, renewListener } from "../fakes/renewed_listener.ts";

/** As a person or a program on an edge host does it: one file after the other, each in one step. */
const twoFiles: OpenVolume = (folder) => {
  const put = async (path: string, text: string) => {
    await Deno.writeTextFile(`${path}.new`, text);
    await Deno.rename(`${path}.new`, path);
  };
  const certFile = `${folder}/renewed.crt`;
  const keyFile = `${folder}/renewed.key`;
  return Promise.resolve({
    certFile,
    keyFile,
    async put({ certPem, keyPem }) {
      await put(certFile, certPem);
      await put(keyFile, keyPem);
    },
  });
};

Deno.test("an agent serves a renewed certificate, and never a pair that does not match", () =>
  withWorld((world) => renewListener(world, twoFiles)));
