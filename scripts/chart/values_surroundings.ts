/** Values of what lies around the pods: network and monitoring. */
import { z } from "zod";
import { freeObject, int, labels, text } from "./value_kinds.ts";

const peers = z.array(freeObject);

export const NetworkPolicy = z.strictObject({
  enabled: z.boolean(),
  ingress: z.strictObject({ from: peers.describe("empty: anyone who can reach the pod") }),
  egress: z.strictObject({
    dns: peers,
    kubernetes: z.strictObject({ to: peers, ports: z.array(int.min(1).max(65_535)).min(1) })
      .describe("the API server, before and behind its Service"),
    controlPlane: peers,
    vault: peers,
    prometheus: peers,
    s3: peers,
  }).describe("the ports of the peers in config, at these addresses; empty: at any"),
}).describe("who may reach the connector, and whom it may reach");

const monitor = z.strictObject({ enabled: z.boolean(), interval: text, labels });

export const Monitoring = z.strictObject({
  podMonitor: monitor,
  serviceMonitor: monitor,
  tlsConfig: freeObject.describe("empty: by ca.crt in the listener's Secret"),
  prometheusRule: z.strictObject({ enabled: z.boolean(), labels }).describe("alerts"),
  dashboard: z.strictObject({ enabled: z.boolean(), labels }).describe("for Grafana"),
}).describe("Prometheus operator and Grafana");
