/** The merge schemas of the built-in kinds; see `resources.ts` for how they are served. */
import {
  any,
  atomicMap,
  each,
  flag,
  keyed,
  leaf,
  map,
  number,
  omitted,
  open,
  pointer,
  type Schema,
  set,
  struct,
  text,
} from "./schema.ts";
import {
  atomic,
  conditions,
  kindSchema,
  openKindSchema,
  podSpec,
  podTemplate,
} from "./pod_schema.ts";

const status = open({ conditions });
const rollingUpdate = pointer(struct("maxSurge maxUnavailable partition"));
const strategy = struct("type", { rollingUpdate });
const claimSpec = open({
  accessModes: leaf,
  selector: atomic,
  resources: open({ requests: map() }),
});

const jobSpec = open({ selector: atomic, template: podTemplate });

const workload = { selector: atomic, template: podTemplate };

export const KIND_SCHEMAS = {
  Namespace: openKindSchema({ spec: open({ finalizers: leaf }), status }),
  ConfigMap: kindSchema({ data: map(text), binaryData: map(text), immutable: flag }),
  Secret: kindSchema({
    data: map(text),
    stringData: map(text),
    immutable: flag,
    type: text,
  }),
  Service: kindSchema({
    spec: struct(
      "allocateLoadBalancerNodePorts clusterIP externalName externalTrafficPolicy healthCheckNodePort " +
        "internalTrafficPolicy ipFamilyPolicy loadBalancerClass loadBalancerIP " +
        "sessionAffinity sessionAffinityConfig trafficDistribution type",
      {
        ports: keyed(
          "port protocol",
          struct("appProtocol name nodePort port protocol targetPort"),
          { protocol: "TCP" },
        ),
        publishNotReadyAddresses: omitted("boolean"),
        selector: atomicMap,
        clusterIPs: leaf,
        externalIPs: leaf,
        ipFamilies: leaf,
        loadBalancerSourceRanges: leaf,
      },
    ),
    status,
  }),
  ServiceAccount: openKindSchema({
    secrets: keyed("name", any),
    imagePullSecrets: leaf,
  }),
  Pod: openKindSchema({ spec: podSpec, status }),
  PersistentVolumeClaim: openKindSchema({ spec: claimSpec, status }),
  Node: openKindSchema({ spec: open({ taints: leaf, podCIDRs: set }), status }),
  Event: openKindSchema({ involvedObject: atomic }),
  Deployment: kindSchema({
    spec: struct("", {
      ...each(number, "progressDeadlineSeconds replicas revisionHistoryLimit"),
      minReadySeconds: omitted("numeric"),
      paused: omitted("boolean"),
      ...workload,
      strategy,
    }),
    status,
  }),
  StatefulSet: kindSchema({
    spec: struct(
      "ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy serviceName",
      {
        ...each(number, "replicas revisionHistoryLimit"),
        minReadySeconds: omitted("numeric"),
        ...workload,
        updateStrategy: strategy,
        volumeClaimTemplates: leaf,
      },
    ),
    status,
  }),
  DaemonSet: kindSchema({
    spec: struct("", {
      minReadySeconds: omitted("numeric"),
      revisionHistoryLimit: number,
      ...workload,
      updateStrategy: strategy,
    }),
    status,
  }),
  ReplicaSet: openKindSchema({ spec: open(workload), status }),
  Job: openKindSchema({ spec: jobSpec, status }),
  CronJob: openKindSchema({
    spec: open({ jobTemplate: open({ spec: jobSpec }) }),
    status: open({ active: leaf }),
  }),
  Ingress: openKindSchema({ spec: open({ rules: leaf, tls: leaf, defaultBackend: any }), status }),
  NetworkPolicy: openKindSchema({
    spec: open({ podSelector: atomic, ingress: leaf, egress: leaf }),
  }),
  Role: openKindSchema({ rules: leaf }),
  RoleBinding: openKindSchema({ subjects: leaf, roleRef: atomic }),
  Lease: kindSchema({
    spec: struct("acquireTime renewTime", {
      ...each(text, "holderIdentity preferredHolder strategy"),
      ...each(number, "leaseDurationSeconds leaseTransitions"),
    }),
  }),
  CustomResourceDefinition: openKindSchema({
    spec: open({ versions: leaf, names: open({ shortNames: leaf, categories: leaf }) }),
    status: open({ conditions, storedVersions: leaf, acceptedNames: open({}) }),
  }),
} satisfies Record<string, Schema>;
