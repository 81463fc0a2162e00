/** Values of the listener and its certificate. */
import { z } from "zod";
import { dnsLabel, int, text } from "./value_kinds.ts";

const CertManager = z.strictObject({
  issuerRef: z.strictObject({ name: z.string(), kind: text, group: text }),
}).describe("source certManager: who signs");

const Vault = z.strictObject({
  server: z.string().describe("empty: config.vault.address"),
  path: z.string().describe("of the PKI engine, such as pki/sign/neuralops-connector"),
  role: z.string().describe("of the kubernetes auth mount, for cert-manager"),
  mountPath: text,
  caBundle: z.string().describe("base64 of PEM: who signs Vault's own certificate"),
  certManager: z.strictObject({ namespace: dnsLabel, serviceAccount: dnsLabel })
    .describe("who has the token made that is shown to Vault"),
}).describe("source vault: an Issuer of cert-manager over Vault's PKI");

export const Listener = z.strictObject({
  enabled: z.boolean().describe("false: no probes, no metrics, no push"),
  port: int.min(1024).max(65_535),
  tls: z.strictObject({
    source: z.enum(["secret", "certManager", "vault"]),
    secretName: z.string().describe("of type kubernetes.io/tls; needed for source secret"),
    dnsNames: z.array(text).describe("besides those of the Service"),
    duration: text,
    renewBefore: text,
    certManager: CertManager,
    vault: Vault,
  }).describe("where its certificate comes from"),
}).describe("where the Orchestrator may push packages; probes and metrics too");
