/** The floor: a Deno program that answers and does nothing else. `deno run … floor_program.ts PORT` */
Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => {} },
  () => new Response("ok"),
);
