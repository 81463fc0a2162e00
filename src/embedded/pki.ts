/** A certificate authority for the embedded peers, made at start and kept in memory. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { toPem } from "./pem.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

/** PEM, both. */
export interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Pki {
  readonly caPem: string;
  /** A leaf for `localhost`, 127.0.0.1 and the addresses that the PKI was made for. Validity is in real time: TLS stacks read the real clock. */
  issue(
    commonName: string,
    validity?: { fromMs: number; toMs: number },
  ): Promise<Certificate>;
  /** A leaf for a client: Kubernetes takes the common name for the user, organizations for groups. */
  issueClient(
    commonName: string,
    organizations?: readonly string[],
    validity?: { fromMs: number; toMs: number },
  ): Promise<Certificate>;
}

/** @param addresses by which servers are called besides loopback */
export async function createPki(
  name = "NeuralOps embedded CA",
  addresses: readonly string[] = [],
): Promise<Pki> {
  const caKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = Date.now();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 3 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const issueLeaf = async (
    subject: string,
    { fromMs, toMs }: { fromMs: number; toMs: number },
    extensions: readonly x509.Extension[],
  ): Promise<Certificate> => {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject,
      issuer: ca.subject,
      notBefore: new Date(fromMs),
      notAfter: new Date(toMs),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
        ...extensions,
      ],
    });
    return { certPem: leaf.toString("pem"), keyPem: await toPem(keys.privateKey) };
  };
  const usual = { fromMs: now - DAY_MS, toMs: now + 2 * DAY_MS };
  return {
    caPem: ca.toString("pem"),
    issue: (commonName, validity = usual) =>
      issueLeaf(`CN=${commonName}`, validity, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: "dns", value: "localhost" },
          ...["127.0.0.1", ...addresses].map((value) => ({ type: "ip" as const, value })),
        ]),
      ]),
    issueClient: (commonName, organizations = [], validity = usual) =>
      issueLeaf(
        [`CN=${commonName}`, ...organizations.map((name) => `O=${name}`)].join(","),
        validity,
        [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
      ),
  };
}

function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0]! &= 0x7f;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
