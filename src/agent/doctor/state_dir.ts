/** Whether the state directory can be written, with room for what the audit log needs at once. */
import { incompressible, RESERVE_BYTES, RESERVE_FILE } from "../../adapters/audit_reserve.ts";
import { type Check, found } from "./check.ts";

export const stateDir: Check = {
  name: "state directory",
  async run({ config, runtime }) {
    const { files, random } = runtime;
    const path = config.stateDir;
    if (await files.owner(path) === null) {
      return [
        found(this.name, "warn", `${path} is not there yet`, "the agent makes it at its start"),
      ];
    }
    const trial = `${path}/doctor-${random.uuid()}`;
    try {
      await files.createExclusive(trial, incompressible(RESERVE_BYTES));
    } finally {
      await files.remove(trial);
    }
    const writable = found(this.name, "ok", `${path} takes another ${RESERVE_BYTES} bytes`);
    const reserve = await files.stat(`${path}/audit/${RESERVE_FILE}`);
    if (reserve?.size === RESERVE_BYTES) {
      return [writable, found("audit reserve", "ok", "room for ends and refusals is set aside")];
    }
    const fix =
      "the agent sets it aside as soon as it can: start it, and give its volume more room";
    return [writable, found("audit reserve", "warn", "no room is set aside", fix)];
  },
};
