/** The merge schema of metadata and of pod templates, as in the real API's OpenAPI. */
import {
  any,
  atomicMap,
  each,
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

export const metadataSchema: Schema = struct(
  "name generateName namespace selfLink uid resourceVersion generation creationTimestamp " +
    "deletionTimestamp deletionGracePeriodSeconds",
  {
    labels: map(text),
    annotations: map(text),
    finalizers: set,
    ownerReferences: keyed("uid", leaf),
    managedFields: leaf,
  },
);

export const conditions: Schema = keyed("type", open({}));
/** Label selectors, object references and the like have one owner as a whole. */
export const atomic: Schema = leaf;

const probe = pointer(struct(
  "failureThreshold initialDelaySeconds periodSeconds successThreshold terminationGracePeriodSeconds " +
    "timeoutSeconds exec grpc httpGet tcpSocket",
));

const valueFrom = pointer(struct("", {
  configMapKeyRef: atomic,
  fieldRef: atomic,
  fileKeyRef: atomic,
  resourceFieldRef: atomic,
  secretKeyRef: atomic,
}));

const container = struct(
  "imagePullPolicy command args workingDir envFrom resizePolicy restartPolicy " +
    "restartPolicyRules lifecycle stdin stdinOnce tty terminationMessagePath " +
    "terminationMessagePolicy targetContainerName",
  {
    ...each(text, "name image"),
    env: keyed("name", struct("", { name: text, value: omitted("string"), valueFrom })),
    ports: keyed(
      "containerPort protocol",
      struct("", {
        ...each(number, "containerPort hostPort"),
        ...each(text, "hostIP name protocol"),
      }),
      { protocol: "TCP" },
    ),
    volumeMounts: keyed(
      "mountPath",
      struct("mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr"),
    ),
    volumeDevices: keyed("devicePath", struct("devicePath name")),
    resources: struct("", {
      limits: map(),
      requests: map(),
      claims: keyed("name", struct("name request")),
    }),
    securityContext: pointer(open({})),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
  },
);

const volume = open({
  projected: pointer(open({ sources: leaf })),
  configMap: pointer(open({ items: leaf })),
  secret: pointer(open({ items: leaf })),
  emptyDir: pointer(open({})),
});

export const podSpec: Schema = struct(
  "activeDeadlineSeconds affinity automountServiceAccountToken dnsConfig dnsPolicy " +
    "enableServiceLinks hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride nodeName os " +
    "overhead preemptionPolicy priority priorityClassName readinessGates resources restartPolicy " +
    "runtimeClassName schedulerName serviceAccount serviceAccountName setHostnameAsFQDN " +
    "shareProcessNamespace subdomain terminationGracePeriodSeconds workloadRef",
  {
    containers: keyed("name", container),
    initContainers: keyed("name", container),
    ephemeralContainers: keyed("name", container),
    volumes: keyed("name", volume),
    imagePullSecrets: keyed("name", struct("name")),
    hostAliases: keyed("ip", struct("ip hostnames")),
    tolerations: leaf,
    topologySpreadConstraints: keyed("topologyKey whenUnsatisfiable", open({})),
    schedulingGates: keyed("name", struct("name")),
    resourceClaims: keyed("name", open({})),
    nodeSelector: atomicMap,
    securityContext: struct(
      "appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser " +
        "seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups " +
        "supplementalGroupsPolicy sysctls windowsOptions",
    ),
  },
);

export const podTemplate: Schema = struct("", { metadata: metadataSchema, spec: podSpec });

export function kindSchema(fields: Record<string, Schema>): Schema {
  return struct("apiVersion kind", { metadata: metadataSchema, ...fields });
}

/** For kinds whose fields are not described one by one. */
export function openKindSchema(fields: Record<string, Schema> = {}): Schema {
  return open({ apiVersion: any, kind: any, metadata: metadataSchema, ...fields });
}
