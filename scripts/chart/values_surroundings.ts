/** Values of what lies around the pods: network and monitoring. */
import { z } from "zod";
import { freeObject, int, labels, text } from "./value_kinds.ts";

const peers = z.array(freeObject);

export const NetworkPolicy = z.strictObject({
  enabled: z.boolean().describe("makes one"),
  ingress: z.strictObject({ from: peers.describe("empty: anyone who can reach the pod") }),
  egress: z.strictObject({
    dns: peers.describe("where names are resolved"),
    kubernetes: z.strictObject({
      to: peers.describe("its addresses"),
      ports: z.array(int.min(1).max(65_535)).min(1).describe("its ports"),
    })
      .describe("the API server, before and behind its Service"),
    controlPlane: peers.describe("or its proxy"),
    vault: peers.describe("or its proxy"),
    prometheus: peers.describe("where metrics are read"),
    s3: peers.describe("the archive of the audit log"),
  }).describe("the ports of the peers in config, at these addresses; empty: at any"),
}).describe("who may reach the connector, and whom it may reach");

const enabled = z.boolean().describe("makes one");
const ownLabels = labels.describe("by which it is found");
const monitor = z.strictObject({
  enabled,
  interval: text.describe("between two scrapes"),
  labels: ownLabels,
}).describe("for the Prometheus operator");

export const Monitoring = z.strictObject({
  podMonitor: monitor,
  serviceMonitor: monitor,
  tlsConfig: freeObject.describe("empty: by ca.crt in the listener's Secret"),
  prometheusRule: z.strictObject({ enabled, labels: ownLabels }).describe("alerts"),
  dashboard: z.strictObject({ enabled, labels: ownLabels }).describe("for Grafana"),
}).describe("Prometheus operator and Grafana");
