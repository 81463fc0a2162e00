/** Values of the listener and its certificate. */
import { z } from "zod";
import { dnsLabel, int, text } from "./value_kinds.ts";

const CertManager = z.strictObject({
  issuerRef: z.strictObject({
    name: z.string().describe("of the Issuer"),
    kind: text.describe("Issuer, ClusterIssuer or another"),
    group: text.describe("of that kind"),
  }),
}).describe("source certManager: who signs");

const Vault = z.strictObject({
  server: z.string().describe("empty: config.vault.address"),
  path: z.string().describe("of the PKI engine, such as pki/sign/neuralops-connector"),
  role: z.string().describe("of the kubernetes auth mount, for cert-manager"),
  mountPath: text.describe("of that auth mount, from /v1 on"),
  caBundle: z.string().describe("base64 of PEM: who signs Vault's own certificate"),
  certManager: z.strictObject({
    namespace: dnsLabel.describe("of cert-manager's controller"),
    serviceAccount: dnsLabel.describe("of cert-manager's controller"),
  })
    .describe("who has the token made that is shown to Vault"),
}).describe("source vault: an Issuer of cert-manager over Vault's PKI");

export const Listener = z.strictObject({
  enabled: z.boolean().describe("false: no probes, no metrics, no push"),
  port: int.min(1024).max(65_535).describe("of the container"),
  tls: z.strictObject({
    source: z.enum(["secret", "certManager", "vault"]).describe("who makes it"),
    secretName: z.string().describe("of type kubernetes.io/tls; needed for source secret"),
    dnsNames: z.array(text).describe("besides those of the Service"),
    duration: text.describe("how long a certificate of cert-manager holds"),
    renewBefore: text.describe("how long before its end it is renewed"),
    certManager: CertManager,
    vault: Vault,
  }).describe("where its certificate comes from"),
}).describe("where the Orchestrator may push packages; probes and metrics too");
