{{/*
  What the API server calls the resource of each kind, as RBAC wants to hear it: `group/Kind`, without a
  version. There is no server to ask when a chart is rendered; others are named in rbac.resources.
*/}}
{{- define "connector.kinds" -}}
namespaced:
  /ConfigMap: configmaps
  /Endpoints: endpoints
  /Event: events
  /LimitRange: limitranges
  /PersistentVolumeClaim: persistentvolumeclaims
  /Pod: pods
  /PodTemplate: podtemplates
  /ReplicationController: replicationcontrollers
  /ResourceQuota: resourcequotas
  /Secret: secrets
  /Service: services
  /ServiceAccount: serviceaccounts
  apps/ControllerRevision: controllerrevisions
  apps/DaemonSet: daemonsets
  apps/Deployment: deployments
  apps/ReplicaSet: replicasets
  apps/StatefulSet: statefulsets
  autoscaling/HorizontalPodAutoscaler: horizontalpodautoscalers
  batch/CronJob: cronjobs
  batch/Job: jobs
  coordination.k8s.io/Lease: leases
  discovery.k8s.io/EndpointSlice: endpointslices
  gateway.networking.k8s.io/Gateway: gateways
  gateway.networking.k8s.io/GRPCRoute: grpcroutes
  gateway.networking.k8s.io/HTTPRoute: httproutes
  gateway.networking.k8s.io/ReferenceGrant: referencegrants
  networking.k8s.io/Ingress: ingresses
  networking.k8s.io/NetworkPolicy: networkpolicies
  policy/PodDisruptionBudget: poddisruptionbudgets
  rbac.authorization.k8s.io/Role: roles
  rbac.authorization.k8s.io/RoleBinding: rolebindings
  storage.k8s.io/CSIStorageCapacity: csistoragecapacities
cluster:
  /Namespace: namespaces
  /Node: nodes
  /PersistentVolume: persistentvolumes
  admissionregistration.k8s.io/MutatingWebhookConfiguration: mutatingwebhookconfigurations
  admissionregistration.k8s.io/ValidatingAdmissionPolicy: validatingadmissionpolicies
  admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding: validatingadmissionpolicybindings
  admissionregistration.k8s.io/ValidatingWebhookConfiguration: validatingwebhookconfigurations
  apiextensions.k8s.io/CustomResourceDefinition: customresourcedefinitions
  apiregistration.k8s.io/APIService: apiservices
  flowcontrol.apiserver.k8s.io/FlowSchema: flowschemas
  flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration: prioritylevelconfigurations
  gateway.networking.k8s.io/GatewayClass: gatewayclasses
  networking.k8s.io/IngressClass: ingressclasses
  node.k8s.io/RuntimeClass: runtimeclasses
  rbac.authorization.k8s.io/ClusterRole: clusterroles
  rbac.authorization.k8s.io/ClusterRoleBinding: clusterrolebindings
  scheduling.k8s.io/PriorityClass: priorityclasses
  storage.k8s.io/CSIDriver: csidrivers
  storage.k8s.io/CSINode: csinodes
  storage.k8s.io/StorageClass: storageclasses
  storage.k8s.io/VolumeAttachment: volumeattachments
{{- end -}}

{{/* `kind` as policies write it, apps/v1/Deployment → { group, resource, namespaced } as JSON. */}}
{{- define "connector.resource" -}}
{{- $parts := splitList "/" .kind -}}
{{- $group := ternary (first $parts) "" (eq (len $parts) 3) -}}
{{- $key := printf "%s/%s" $group (last $parts) -}}
{{- $kinds := include "connector.kinds" . | fromYaml -}}
{{- $found := dict -}}
{{- range .root.Values.rbac.resources -}}
{{- $own := splitList "/" .kind -}}
{{- if and (eq (last $own) (last $parts)) (eq (ternary (first $own) "" (eq (len $own) 3)) $group) -}}
{{- $found = dict "resource" .resource "namespaced" .namespaced -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- else if hasKey $kinds.namespaced $key -}}
{{- $found = dict "resource" (get $kinds.namespaced $key) "namespaced" true -}}
{{- else if hasKey $kinds.cluster $key -}}
{{- $found = dict "resource" (get $kinds.cluster $key) "namespaced" false -}}
{{- else -}}
{{- fail (printf "policy: the chart does not know what the API server calls %s. Say so in rbac.resources, such as { kind: %s, resource: %ss, namespaced: true }; kubectl api-resources tells" .kind .kind (last $parts | lower)) -}}
{{- end -}}
{{- dict "group" $group "resource" $found.resource "namespaced" $found.namespaced | toJson -}}
{{- end -}}
