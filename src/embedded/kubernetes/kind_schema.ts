/** The merge schemas of the built-in kinds; see `resources.ts` for how they are served. */
import { any, keyed, leaf, map, open, pointer, type Schema, set, struct } from "./schema.ts";
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
  ConfigMap: kindSchema({ data: map(), binaryData: map(), immutable: leaf }),
  Secret: kindSchema({
    data: map(),
    stringData: map(),
    immutable: leaf,
    type: leaf,
  }),
  Service: kindSchema({
    spec: struct(
      "allocateLoadBalancerNodePorts clusterIP externalName externalTrafficPolicy healthCheckNodePort " +
        "internalTrafficPolicy ipFamilyPolicy loadBalancerClass loadBalancerIP " +
        "publishNotReadyAddresses sessionAffinity sessionAffinityConfig trafficDistribution type",
      {
        ports: keyed(
          "port protocol",
          struct("appProtocol name nodePort port protocol targetPort"),
          { protocol: "TCP" },
        ),
        selector: atomic,
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
    spec: struct("minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit", {
      ...workload,
      strategy,
    }),
    status,
  }),
  StatefulSet: kindSchema({
    spec: struct(
      "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas " +
        "revisionHistoryLimit serviceName",
      { ...workload, updateStrategy: strategy, volumeClaimTemplates: leaf },
    ),
    status,
  }),
  DaemonSet: kindSchema({
    spec: struct("minReadySeconds revisionHistoryLimit", { ...workload, updateStrategy: strategy }),
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
  Lease: openKindSchema({ spec: open({}) }),
  CustomResourceDefinition: openKindSchema({
    spec: open({ versions: leaf, names: open({ shortNames: leaf, categories: leaf }) }),
    status: open({ conditions, storedVersions: leaf, acceptedNames: open({}) }),
  }),
} satisfies Record<string, Schema>;
