{{/*
  The rights that the execution policy comes to, as JSON: namespace ("" for objects without one) →
  "group/resource" → verb → true.

  What a rule allows is granted, what a deny rule always refuses is not; rules with windows count as if the
  windows were open, or shut for a denial. A rollback is granted with what it takes back: it deletes what
  was created, and creates again what was deleted. Windows, risk and persons are the connector's to judge.
*/}}
{{- define "connector.grants" -}}
{{- $root := . -}}
{{- $policy := .Values.policy | default dict -}}
{{- $possible := dict "apply" (list "create" "change") "scale" (list "change") "restart" (list "change") "delete" (list "delete") -}}
{{- $rights := dict "create" (list "create" "delete" "get" "patch") "change" (list "get" "patch") "delete" (list "create" "delete" "get" "patch") -}}
{{- $grants := dict -}}
{{- range $rule := $policy.allow -}}
{{- range $kind := $rule.kinds -}}
{{- $found := include "connector.resource" (dict "root" $root "kind" $kind) | fromJson -}}
{{- $key := printf "%s/%s" $found.group $found.resource -}}
{{- $places := list -}}
{{- if $found.namespaced -}}
{{- $places = include "connector.places" (dict "root" $root "rule" $rule) | fromJsonArray -}}
{{- else if $rule.clusterScoped -}}
{{- $places = list "" -}}
{{- end -}}
{{- range $place := $places -}}
{{- range $action := $rule.actions -}}
{{- range $verb := get $possible $action -}}
{{- if or (not $rule.verbs) (has $verb $rule.verbs) -}}
{{- if not (include "connector.isDenied" (dict "deny" $policy.deny "place" $place "kind" $kind "action" $action "verb" $verb)) -}}
{{- $there := get $grants $place | default dict -}}
{{- $verbs := get $there $key | default dict -}}
{{- range $right := get $rights $verb -}}
{{- $_ := set $verbs $right true -}}
{{- end -}}
{{- $_ := set $there $key $verbs -}}
{{- $_ := set $grants $place $there -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $grants | toJson -}}
{{- end -}}

{{/* The namespaces of an allow rule by name. RBAC knows no patterns: rbac.namespaces says what they stand for. */}}
{{- define "connector.places" -}}
{{- $known := .root.Values.rbac.namespaces -}}
{{- $rule := .rule.name -}}
{{- $places := list -}}
{{- range $pattern := .rule.namespaces -}}
{{- if hasSuffix "*" $pattern -}}
{{- $matching := list -}}
{{- range $name := $known -}}
{{- if hasPrefix (trimSuffix "*" $pattern) $name -}}
{{- $matching = append $matching $name -}}
{{- end -}}
{{- end -}}
{{- if not $matching -}}
{{- fail (printf "policy: rule %q allows namespaces %s, and RBAC knows no patterns: name those that are meant in rbac.namespaces" $rule $pattern) -}}
{{- end -}}
{{- $places = concat $places $matching -}}
{{- else -}}
{{- $places = append $places $pattern -}}
{{- end -}}
{{- end -}}
{{- $places | uniq | toJson -}}
{{- end -}}

{{/* "true" where a deny rule refuses it at any time. What such a rule leaves out matches everything. */}}
{{- define "connector.isDenied" -}}
{{- $cell := . -}}
{{- $denied := "" -}}
{{- range $rule := .deny -}}
{{- $isThere := not $rule.namespaces -}}
{{- range $pattern := $rule.namespaces -}}
{{- if and $cell.place (or (eq $pattern $cell.place) (and (hasSuffix "*" $pattern) (hasPrefix (trimSuffix "*" $pattern) $cell.place))) -}}
{{- $isThere = true -}}
{{- end -}}
{{- end -}}
{{- if and $isThere (not $rule.windows) (or (not $rule.kinds) (has $cell.kind $rule.kinds)) (or (not $rule.actions) (has $cell.action $rule.actions)) (or (not $rule.verbs) (has $cell.verb $rule.verbs)) -}}
{{- $denied = "true" -}}
{{- end -}}
{{- end -}}
{{- $denied -}}
{{- end -}}

{{/* The rules of one namespace: resources of one group with the same verbs share one. */}}
{{- define "connector.rules" -}}
{{- $rules := dict -}}
{{- range $key, $verbs := . -}}
{{- $group := first (splitList "/" $key) -}}
{{- $together := printf "%s|%s" $group (keys $verbs | sortAlpha | join ", ") -}}
{{- $_ := set $rules $together (append (get $rules $together | default list) (last (splitList "/" $key))) -}}
{{- end -}}
{{- range $together, $resources := $rules }}
- apiGroups: [{{ first (splitList "|" $together) | quote }}]
  resources: [{{ $resources | sortAlpha | join ", " }}]
  verbs: [{{ last (splitList "|" $together) }}]
{{- end }}
{{- end -}}
