/** What the pipeline does on an API server, shown on the embedded one. */
import { withEmbeddedExecution } from "./embedded_target.ts";
import { MovesShown } from "./moves.ts";
import { runExecutionCase } from "./site.ts";
import { EXECUTION_CONTRACT } from "./suite.ts";

Deno.test("packages on the embedded API server", async (context) => {
  const shown = new MovesShown();
  for (const [name, act] of Object.entries(EXECUTION_CONTRACT)) {
    await context.step(
      name,
      () => withEmbeddedExecution((target) => runExecutionCase(target, shown, act)),
    );
  }
  await context.step("every move of the machine was shown", () => shown.assertComplete());
});
