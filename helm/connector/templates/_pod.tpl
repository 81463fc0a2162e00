{{/* The connector's container, alike in every mode. Pod Security "restricted" asks for each of these. */}}
{{- define "connector.container" -}}
name: neuralops-connector
image: {{ include "connector.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [run, --config, /etc/neuralops-connector/connector.yaml]
env:
  # The one place for what the runtime itself may want to put down.
  - { name: TMPDIR, value: /run/neuralops-connector }
  {{- if eq .Values.mode "daemonset" }}
  # For queries with scope node: each pod asks for its own.
  - { name: NEURALOPS_NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
  {{- end }}
securityContext:
  {{- include "connector.securityContext" . | nindent 2 }}
{{- if .Values.listener.enabled }}
ports:
  - { name: https, containerPort: {{ .Values.listener.port }}, protocol: TCP }
# The log is read and checked first, however long it has become.
startupProbe:
  httpGet: { path: /livez, port: https, scheme: HTTPS }
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet: { path: /livez, port: https, scheme: HTTPS }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- if ne .Values.mode "sidecar" }}
readinessProbe:
  httpGet: { path: /readyz, port: https, scheme: HTTPS }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - { name: neuralops-config, mountPath: /etc/neuralops-connector, readOnly: true }
  - { name: neuralops-state, mountPath: /var/lib/neuralops-connector }
  - { name: neuralops-run, mountPath: /run/neuralops-connector }
  - { name: neuralops-kubernetes-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
  {{- if include "connector.vaultToken" . }}
  - { name: neuralops-vault-token, mountPath: /var/run/secrets/neuralops-connector/vault, readOnly: true }
  {{- end }}
{{- end -}}

{{- define "connector.securityContext" -}}
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
privileged: false
readOnlyRootFilesystem: true
runAsGroup: 65532
runAsNonRoot: true
runAsUser: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* "true" where the connector logs in to Vault with its service account. */}}
{{- define "connector.vaultToken" -}}
{{- if or (not .Values.config.vault.auth) (eq (.Values.config.vault.auth).method "kubernetes") -}}true{{- end -}}
{{- end -}}

{{- define "connector.configVolume" -}}
- name: neuralops-config
  projected:
    defaultMode: {{ include "connector.fileMode" . }}
    sources:
      - configMap: { name: {{ include "connector.fullname" . }} }
      {{- if .Values.listener.enabled }}
      - secret:
          name: {{ include "connector.tlsSecret" . }}
          items:
            - { key: tls.crt, path: tls/tls.crt }
            - { key: tls.key, path: tls/tls.key }
      {{- end }}
      {{- with .Values.configSources }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end -}}

{{- define "connector.volumes" -}}
{{ include "connector.configVolume" . }}
- name: neuralops-run
  emptyDir: { sizeLimit: 64Mi }
# As the API server's admission would mount it, but into this container alone.
- name: neuralops-kubernetes-token
  projected:
    defaultMode: {{ include "connector.fileMode" . }}
    sources:
      - serviceAccountToken: { path: token, expirationSeconds: 3607 }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
{{- if include "connector.vaultToken" . }}
- name: neuralops-vault-token
  projected:
    defaultMode: {{ include "connector.fileMode" . }}
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ .Values.serviceAccount.vaultToken.audience | quote }}
          expirationSeconds: {{ .Values.serviceAccount.vaultToken.expirationSeconds }}
{{- end }}
{{ include "connector.stateVolume" . }}
{{- end -}}

{{/* For the group, which fsGroup gives them to: 0440, in decimal. In somebody else's pod there is none: 0444. */}}
{{- define "connector.fileMode" -}}
{{- ternary "292" "288" (eq .Values.mode "sidecar") -}}
{{- end -}}

{{- define "connector.stateType" -}}
{{- if ne .Values.state.type "auto" -}}
{{- .Values.state.type -}}
{{- else -}}
{{- ternary "persistentVolumeClaim" "emptyDir" (eq .Values.mode "deployment") -}}
{{- end -}}
{{- end -}}

{{- define "connector.stateVolume" -}}
{{- $state := .Values.state -}}
{{- $type := include "connector.stateType" . -}}
{{- if and (eq $type "persistentVolumeClaim") (eq .Values.mode "daemonset") -}}
{{- fail "state.type is persistentVolumeClaim, but with mode daemonset several pods would share one claim. Use emptyDir, hostPath or ephemeral" -}}
{{- end -}}
{{- if and (eq $type "persistentVolumeClaim") (eq .Values.mode "sidecar") (not $state.existingClaim) -}}
{{- fail "state.type is persistentVolumeClaim with mode sidecar: name the claim in state.existingClaim" -}}
{{- end -}}
{{- if and (eq $type "persistentVolumeClaim") (gt (int .Values.deployment.replicas) 1) -}}
{{- fail "deployment.replicas is more than 1, and state.type is persistentVolumeClaim: no two connectors may share one state. Set state.type to ephemeral or emptyDir, or replicas to 1" -}}
{{- end -}}
- name: neuralops-state
{{- if eq $type "persistentVolumeClaim" }}
  persistentVolumeClaim: { claimName: {{ $state.existingClaim | default (printf "%s-state" (include "connector.fullname" .)) }} }
{{- else if eq $type "hostPath" }}
  hostPath: { path: {{ $state.hostPath }}, type: Directory }
{{- else if eq $type "ephemeral" }}
  ephemeral:
    volumeClaimTemplate:
      spec:
        {{- include "connector.claim" . | nindent 8 }}
{{- else }}
  emptyDir: { sizeLimit: {{ $state.size }} }
{{- end }}
{{- end -}}

{{- define "connector.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.state.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources: { requests: { storage: {{ .Values.state.size }} } }
{{- end -}}

{{/* The pod of DaemonSet and Deployment. */}}
{{- define "connector.pod" -}}
metadata:
  labels:
    {{- include "connector.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: neuralops-connector
    # The configuration is read once, at the start: another one needs other pods.
    neuralops.io/config-checksum: {{ include "connector.files" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "connector.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    seccompProfile: { type: RuntimeDefault }
  # Time to give the Lease up, and to write down where each execution stands.
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if and (eq .Values.mode "deployment") (gt (int .Values.deployment.replicas) 1) }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "connector.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - {{ include "connector.container" . | nindent 6 | trim }}
  volumes:
    {{- include "connector.volumes" . | nindent 4 }}
{{- end -}}
