/** Whether Vault can be reached, lets this connector in, and says who it is. */
import { type Check, found } from "./check.ts";

export const vault: Check = {
  name: "vault",
  async run({ config, vault: session }, signal) {
    await session.login(signal);
    const login = found(this.name, "ok", `${config.vault.address} lets this connector in`);
    await session.identityToken(signal);
    const role = config.vault.identityRole;
    return [login, found("vault identity", "ok", `role ${role} issues identity tokens`)];
  },
};
