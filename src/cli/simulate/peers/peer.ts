/** What the simulation asks of each peer, embedded or real. */
import type { ConfigInput } from "../../../config/schema.ts";
import type { KubeObject, ObjectRef } from "../../../core/kubernetes_object.ts";
import type { IdentityTrust } from "../../../embedded/control_plane/registrar.ts";
import type { EmbeddedKubernetes } from "../../../embedded/kubernetes/server.ts";
import type { Pki } from "../../../embedded/pki.ts";
import type { EmbeddedPrometheus } from "../../../embedded/prometheus.ts";
import type { SimSeries } from "../../../embedded/prometheus_series.ts";
import type { EmbeddedS3 } from "../../../embedded/s3.ts";
import type { EmbeddedVault } from "../../../embedded/vault.ts";
import type { S3Archive } from "../../../adapters/s3.ts";
import type { Clock } from "../../../runtime.ts";

/** Where a run takes place. */
export interface Place {
  /** Unique to this run; names what it makes in real peers. */
  readonly id: string;
  readonly folder: string;
  readonly clock: Clock;
  readonly pki: Pki;
  /** PEM file of the CA of the embedded peers. */
  readonly caFile: string;
  /** Writes a file, mode 0600, into the folder; returns its path. */
  write(name: string, text: string): Promise<string>;
}

/** @typeParam Embedded the embedded server, for tests that disturb it */
export interface Peer<Section, Embedded> {
  readonly name: string;
  /** Absent where the peer is real. */
  readonly embedded?: Embedded;
  readonly url: string;
  /** Its part of the connector's configuration. */
  readonly section: Section;
  /** What must appear nowhere, as far as the simulation itself knows it. */
  secrets(): string[];
  close(): Promise<void>;
}

export interface VaultPeer extends Peer<ConfigInput["vault"], EmbeddedVault> {
  /** Of whom the control plane believes who a connector is. */
  readonly identity: IdentityTrust;
}

type PrometheusSection = NonNullable<ConfigInput["prometheus"]>;

export interface PrometheusPeer extends Peer<PrometheusSection, EmbeddedPrometheus> {
  readonly signals: NonNullable<ConfigInput["signals"]>;
  readonly queries: readonly { readonly name: string; readonly expr: string }[];
  readonly stepMs: number;
  /** What the server itself says that it holds. */
  expected(expr: string, startMs: number, endMs: number): Promise<SimSeries[]>;
}

/** The namespaces that the story plays in. */
export interface Scene {
  readonly shop: string;
  readonly sandbox: string;
  /** Denied by the policy; it need not exist. */
  readonly payments: string;
}

type KubernetesSection = NonNullable<ConfigInput["kubernetes"]>;

export interface KubernetesPeer extends Peer<KubernetesSection, EmbeddedKubernetes> {
  readonly scene: Scene;
  get(ref: ObjectRef): Promise<KubeObject | null>;
  /** Changes whenever someone has asked to change something in the scene. */
  touched(): Promise<string>;
}

type ArchiveSection = NonNullable<NonNullable<ConfigInput["audit"]>["s3"]>;

export interface ArchivePeer extends Peer<ArchiveSection, EmbeddedS3> {
  /** The bucket, past the agent. */
  open(): S3Archive;
}
