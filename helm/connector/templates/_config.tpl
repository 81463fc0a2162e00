{{/* connector.yaml: what `config` says, and what the chart knows better. */}}
{{- define "connector.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $folder := "/etc/neuralops-connector" -}}
{{- $_ := set $config "stateDir" "/var/lib/neuralops-connector" -}}
{{- if not $config.vault.auth -}}
{{- $_ := set $config.vault "auth" (dict "method" "kubernetes" "role" "neuralops-connector") -}}
{{- end -}}
{{- if and (eq $config.vault.auth.method "kubernetes") (not $config.vault.auth.tokenFile) -}}
{{- $_ := set $config.vault.auth "tokenFile" "/var/run/secrets/neuralops-connector/vault/token" -}}
{{- end -}}
{{- $kubernetes := dict "mode" "inCluster" -}}
{{- if include "connector.elects" . -}}
{{- $election := omit .Values.leaderElection "enabled" -}}
{{- $_ := set $election "namespace" .Release.Namespace -}}
{{- $_ := set $election "name" (include "connector.fullname" .) -}}
{{- $_ := set $kubernetes "leaderElection" $election -}}
{{- end -}}
{{- $_ := set $kubernetes "journal" (dict "namespace" (include "connector.journalNamespace" .) "secretName" .Values.journal.secretName) -}}
{{- $_ := set $config "kubernetes" $kubernetes -}}
{{- $listener := dict "enabled" .Values.listener.enabled -}}
{{- if .Values.listener.enabled -}}
{{- $_ := set $listener "port" (int .Values.listener.port) -}}
{{- $_ := set $listener "certFile" (printf "%s/tls/tls.crt" $folder) -}}
{{- $_ := set $listener "keyFile" (printf "%s/tls/tls.key" $folder) -}}
{{- end -}}
{{- $_ := set $config "listener" $listener -}}
{{- if .Values.policy -}}
{{- $execution := $config.execution | default dict -}}
{{- $_ := set $execution "policyFile" (printf "%s/policy.yaml" $folder) -}}
{{- $_ := set $config "execution" $execution -}}
{{- end -}}
{{- if ne .Values.mode "daemonset" -}}
{{- range ($config.signals | default dict).queries -}}
{{- if eq (.scope | default "cluster") "node" -}}
{{- fail (printf "config.signals.queries: %s has scope node, but with mode %s there is no pod on every node. Set mode to daemonset" .name $.Values.mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "connector.policy" -}}
{{- toYaml (merge (dict "apiVersion" "neuralops.io/v1" "kind" "ExecutionPolicy") .Values.policy) -}}
{{- end -}}

{{/* The files beside it, as the ConfigMap's data. */}}
{{- define "connector.files" -}}
connector.yaml: |
  {{- include "connector.config" . | nindent 2 }}
{{- if .Values.policy }}
policy.yaml: |
  {{- include "connector.policy" . | nindent 2 }}
{{- end }}
{{- range $name, $text := .Values.files }}
{{ $name }}: {{ $text | quote }}
{{- end }}
{{- end -}}
