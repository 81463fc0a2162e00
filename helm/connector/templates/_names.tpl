{{- define "connector.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "connector" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* By which its pods are selected: it must not change from release to release. */}}
{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connector.labels" -}}
{{ include "connector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "connector.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "connector.fullname" .) -}}
{{- end -}}

{{- define "connector.journalNamespace" -}}
{{- .Values.journal.namespace | default .Release.Namespace -}}
{{- end -}}

{{/* A digest says exactly which image; without one the tag does, by default that of this chart's version. */}}
{{- define "connector.image" -}}
{{- $repository := required "image.repository must say under which registry and name you keep the connector's image" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "connector.tlsSecret" -}}
{{- $tls := .Values.listener.tls -}}
{{- if eq $tls.source "secret" -}}
{{- required "listener.tls.secretName must name the Secret with tls.crt and tls.key that the listener is to use. Or take certManager or vault as listener.tls.source, or set listener.enabled to false: without it there are no probes and no metrics" $tls.secretName -}}
{{- else -}}
{{- $tls.secretName | default (printf "%s-tls" (include "connector.fullname" .)) -}}
{{- end -}}
{{- end -}}

{{/* "true" or "": several agents of one cluster, of which one acts. */}}
{{- define "connector.elects" -}}
{{- $asked := .Values.leaderElection.enabled -}}
{{- if kindIs "bool" $asked -}}
{{- if and (not $asked) (ne .Values.mode "sidecar") -}}
{{- fail (printf "leaderElection.enabled is false, but with mode %s there can be two pods at once, and both would act" .Values.mode) -}}
{{- end -}}
{{- if $asked -}}true{{- end -}}
{{- else if ne .Values.mode "sidecar" -}}true
{{- end -}}
{{- end -}}

{{/* Of what has no namespace: another release of the same name may be in another one. */}}
{{- define "connector.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "connector.fullname" .) -}}
{{- end -}}

{{- define "connector.subject" -}}
- kind: ServiceAccount
  name: {{ include "connector.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
