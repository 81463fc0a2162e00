/** A real host: Debian with systemd as PID 1, the package or install.sh, and the compiled connector. */
import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { permissionFlags, type PermissionSet } from "../../scripts/release/permission_flags.ts";
import { print } from "../../scripts/testbed/print.ts";
import { runToEnd } from "../real/process.ts";
import { compiled } from "./compiled.ts";
import { debianRoot, Machine } from "./machine.ts";
import { makeRelease, standIn } from "./release.ts";

const UNIT = "neuralops-connector";
const CONFIG = "/etc/neuralops-connector/connector.yaml";
const SHOW = "ActiveState,SubState,NRestarts,Result,StatusText,MainPID";

interface Host {
  readonly machine: Machine;
  /** Runs a script that must end well; its output. */
  run(script: string): Promise<string>;
  /** The unit's properties. */
  show(): Promise<Record<string, string>>;
  journal(): Promise<string>;
}

/** A host for the length of a test; where none can be had a line says why. */
async function onHost(work: (host: Host) => Promise<void>): Promise<void> {
  const machine = await Machine.boot();
  if ("why" in machine) return print(`no host: ${machine.why}`);
  const run = async (script: string) => {
    const { code, stdout, stderr } = await machine.run(script);
    if (code === 0) return stdout;
    const journal = await machine.run(`journalctl -u ${UNIT} -o cat -n 20 --no-pager`);
    throw new Error(`${script}:\n${stdout}\n${stderr}\n${journal.stdout}`);
  };
  try {
    await work({
      machine,
      run,
      async show() {
        const lines = (await run(`systemctl show ${UNIT} -p ${SHOW}`)).trim().split("\n");
        return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
      },
      journal: () => run(`journalctl -u ${UNIT} -o cat --no-pager`),
    });
  } finally {
    await machine.close();
  }
}

/** A policy of nothing, and a Vault that is away: what an agent starts with. */
const CONFIGURE = `
  mkdir -p /etc/credstore
  (umask 077; echo hvs.secret > /etc/credstore/neuralops-connector.vault-token)
  sed s,/etc/neuralops-connector/vault-token,/run/credentials/neuralops-connector.service/neuralops-connector.vault-token, \\
    ${CONFIG}.example > ${CONFIG}
  chgrp neuralops-connector ${CONFIG}`;

Deno.test("the package holds what it should, owned by root", async () => {
  const { deb } = await compiled();
  const { stdout } = await runToEnd("dpkg-deb", { args: ["--contents", deb] });
  assert.ok(stdout.trim().split("\n").every((line) => line.includes(" root/root ")), stdout);
  assert.match(stdout, /^drwxr-xr-x .* \.\/$/m);
  assert.match(stdout, /^-rwxr-xr-x .* \.\/usr\/bin\/neuralops-connector$/m);
  assert.match(stdout, /\.\/usr\/lib\/systemd\/system\/neuralops-connector\.service$/m);
  assert.match(stdout, /\.\/usr\/share\/doc\/neuralops-connector\/copyright$/m);
});

Deno.test("lintian has nothing to say of the package", async () => {
  const lintian = await debianRoot("lintian", ["lintian"]);
  if ("why" in lintian) return void print(`no lintian: ${lintian.why}`);
  const { deb } = await compiled();
  await Deno.copyFile(deb, `${lintian.root}/tmp/connector.deb`);
  const { code, stdout } = await runToEnd("chroot", {
    args: [
      lintian.root,
      "lintian",
      "--allow-root",
      "--fail-on=error,warning",
      "/tmp/connector.deb",
    ],
  });
  assert.deepEqual([code, stdout], [0, ""]);
});

Deno.test("the package lives its whole life on a host", (test) =>
  onHost(async (host) => {
    const { machine, run, show, journal } = host;
    const { deb, bundle } = await compiled();
    await machine.copyIn(deb, "/var/tmp/connector.deb");

    await test.step("installs, and starts nothing that is not configured", async () => {
      await run("dpkg -i /var/tmp/connector.deb");
      assert.match(
        await run("stat -c %U:%G:%a /etc/neuralops-connector"),
        /root:neuralops-conn.*:750/,
      );
      assert.equal((await show())["ActiveState"], "inactive");
    });

    await test.step("is active once it says that it is ready, hardened, its secret with it alone", async () => {
      await run(`${CONFIGURE}\nneuralops-connector config check && systemctl enable --now ${UNIT}`);
      const { ActiveState, SubState, MainPID } = await show();
      assert.deepEqual([ActiveState, SubState], ["active", "running"]);
      const status = await run(`cat /proc/${MainPID}/status`);
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.match(status, /^Seccomp:\s+2$/m);
      const lines = await journal();
      assert.match(lines, /"event":"agent_started"/);
      assert.doesNotMatch(lines, /service_manager_not_told|access_denied/);
      assert.equal(
        await run("stat -c %a:%U /var/lib/neuralops-connector/key.pem"),
        "600:neuralops-connector\n",
      );
    });

    await test.step("takes over a good configuration in the same process", async () => {
      const before = await show();
      await run(`sed -i s/edge-1/edge-2/ ${CONFIG} && systemctl reload ${UNIT}`);
      await run(
        `until [ "$(journalctl -u ${UNIT} -o cat | grep -c '"agent_started"')" = 2 ]; do sleep 0.05; done`,
      );
      const after = await show();
      assert.equal(after["MainPID"], before["MainPID"]);
      assert.equal(after["ActiveState"], "active");
    });

    await test.step("refuses a bad one where it is asked, and goes on", async () => {
      const refused = await machine.run(
        `sed -i s/edge-2/EDGE/ ${CONFIG}; systemctl reload ${UNIT}; rc=$?; sed -i s/EDGE/edge-2/ ${CONFIG}; exit $rc`,
      );
      assert.equal(refused.code, 1);
      assert.match(await journal(), /clusterName: must be a DNS label/);
      assert.equal((await show())["ActiveState"], "active");
    });

    await test.step("lets a group of people in, each as who they are", async () => {
      await run(
        `addgroup --quiet approvers && adduser --quiet --disabled-password --gecos '' alice
         adduser --quiet alice approvers
         mkdir -p /run/systemd/system/${UNIT}.service.d
         printf '[Service]\\nGroup=approvers\\nSupplementaryGroups=${UNIT}\\nStateDirectoryMode=2710\\n' \
           > /run/systemd/system/${UNIT}.service.d/approvers.conf
         echo 'adminSocketGroupAccess: true' >> ${CONFIG}
         systemctl daemon-reload && systemctl restart ${UNIT}`,
      );
      const list = `${UNIT} executions list --state-dir /var/lib/${UNIT}`;
      await run(`runuser -u alice -- ${list}`);
      assert.equal((await machine.run(`runuser -u nobody -- ${list}`)).code, 1);
      // As the service sees it: alice is alice, and not the nobody of a user namespace.
      const { MainPID } = await show();
      assert.equal(await run(`cat /proc/${MainPID}/uid_map`), await run("cat /proc/1/uid_map"));
    });

    await test.step("is killed by the watchdog when it stalls, and started again", async () => {
      const { MainPID } = await show();
      await run(
        `mkdir -p /run/systemd/system/${UNIT}.service.d
       printf '[Service]\\nWatchdogSec=2s\\nRestartSec=100ms\\n' > /run/systemd/system/${UNIT}.service.d/t.conf
       systemctl daemon-reload && systemctl restart ${UNIT}`,
      );
      const running = await show();
      assert.notEqual(running["MainPID"], MainPID);
      await run(
        `kill -STOP ${running["MainPID"]}
       until [ "$(systemctl show ${UNIT} -p NRestarts --value)" = 1 ]; do sleep 0.1; done
       systemctl is-active --quiet ${UNIT} || systemctl start ${UNIT}`,
      );
      assert.match(await journal(), /Watchdog timeout/);
      assert.equal((await show())["ActiveState"], "active");
    });

    await test.step("lives on under a watchdog that is served", async () => {
      await run(
        `for i in 1 2 3; do
         last=$(systemctl show ${UNIT} -p WatchdogTimestampMonotonic)
         until [ "$(systemctl show ${UNIT} -p WatchdogTimestampMonotonic)" != "$last" ]; do sleep 0.1; done
       done`,
      );
      const { ActiveState, NRestarts } = await show();
      assert.deepEqual([ActiveState, NRestarts], ["active", "1"]);
    });

    await test.step("drains and comes back when it is upgraded", async () => {
      const before = await show();
      await run("dpkg -i /var/tmp/connector.deb");
      const after = await show();
      assert.equal(after["ActiveState"], "active");
      assert.notEqual(after["MainPID"], before["MainPID"]);
    });

    // The runtime that it is developed on; the binary may stand on an older one.
    await test.step("is heard on this Deno as well", async () => {
      await run(`systemctl stop ${UNIT} && mkdir -p /opt/c`);
      await machine.copyIn(Deno.execPath(), "/opt/c/deno");
      await machine.copyIn(bundle, "/opt/c/bundle");
      const flags = permissionFlags(config.permissions.agent as PermissionSet).join(" ");
      const alone = "--no-config --no-lock --no-npm --no-remote --unstable-net";
      const command =
        `/opt/c/deno run ${alone} ${flags} /opt/c/bundle/main.js run --config ${CONFIG}`;
      await run(
        `systemd-run --unit=bundle -p Type=notify -p User=${UNIT} -p StateDirectory=${UNIT} \
           -p LoadCredential=neuralops-connector.vault-token -p WatchdogSec=60 \
           -E DENO_DIR=/var/lib/${UNIT}/deno -E HOME=/var/lib/${UNIT} ${command}
         systemctl is-active bundle && systemctl stop bundle && rm -r /var/lib/${UNIT}/deno
         systemctl start ${UNIT}`,
      );
    });

    await test.step("stops in good order", async () => {
      await run(`systemctl stop ${UNIT}`);
      assert.equal((await show())["Result"], "success");
      assert.match(
        (await journal()).trim().split("\n").slice(-4).join("\n"),
        /"event":"agent_stopped"/,
      );
    });

    await test.step("is removed with what it knows kept, and purged without", async () => {
      await run(`systemctl start ${UNIT} && dpkg -r ${UNIT}`);
      await run(
        `test ! -e /usr/bin/${UNIT} && test -f /var/lib/${UNIT}/key.pem && test -f ${CONFIG}`,
      );
      await run(`dpkg -P ${UNIT} && test ! -e /var/lib/${UNIT} && test ! -e /etc/${UNIT}`);
      assert.equal((await machine.run(`getent passwd ${UNIT}`)).code, 2);
    });
  }));

Deno.test("install.sh upgrades a host, and takes a version back that does not come up", (test) =>
  onHost(async (host) => {
    const { machine, run, show } = host;
    const { binary } = await compiled();
    const release = await makeRelease(await Deno.readFile(binary));
    const install = "sh /var/tmp/install.sh --from /var/tmp/dist --key /var/tmp/release.pub";
    const bring = async () => {
      await run("rm -rf /var/tmp/dist");
      await machine.copyIn(release.folder, "/var/tmp/dist");
    };
    try {
      await machine.copyIn("scripts/install.sh", "/var/tmp/install.sh");
      await machine.copyIn(release.key, "/var/tmp/release.pub");
      await bring();

      await test.step("installs, runs, and has nothing to do the second time", async () => {
        const said = await run(install);
        assert.match(said, /made the system user neuralops-connector/);
        await run(
          `${CONFIGURE}\nneuralops-connector config check && systemctl enable --now ${UNIT}`,
        );
        assert.equal((await show())["ActiveState"], "active");
        assert.match(await run(install), /is installed already: nothing to do/);
      });

      await test.step("upgrades", async () => {
        await run("mkdir -p /opt/c && cp /usr/bin/neuralops-connector /opt/c/real");
        await Deno.writeTextFile(release.program, standIn("0.2.0", 'exec /opt/c/real "$@"'));
        await release.sign();
        await bring();
        assert.match(await run(install), /restarted neuralops-connector\.service: it is ready/);
        assert.match(await run("neuralops-connector version"), /0\.2\.0/);
      });

      await test.step("goes back when the new one does not come up", async () => {
        await Deno.writeTextFile(release.program, standIn("0.3.0", "exit 3"));
        await release.sign();
        await bring();
        const { code, stderr } = await machine.run(install);
        assert.equal(code, 1);
        assert.match(stderr, /the new program did not come up: the old one is back, and runs/);
        assert.match(await run("neuralops-connector version"), /0\.2\.0/);
        assert.equal((await show())["ActiveState"], "active");
      });

      await test.step("uninstalls, and purges", async () => {
        await run(`sh /var/tmp/install.sh --uninstall`);
        await run(
          `test ! -e /usr/bin/${UNIT} && test -f /var/lib/${UNIT}/key.pem && test -f ${CONFIG}`,
        );
        await run(`sh /var/tmp/install.sh --uninstall --purge && test ! -e /var/lib/${UNIT}`);
        assert.equal((await machine.run(`getent passwd ${UNIT}`)).code, 2);
      });
    } finally {
      await release.close();
    }
  }));
