/** Latency, traffic, errors and saturation of a cluster: what its own components and kube-state-metrics tell. */
import type { Preset, PresetQuery } from "./preset.ts";

const APISERVER: readonly PresetQuery[] = [
  {
    name: "apiserver-latency-p99",
    signal: "latency",
    from: "kube-apiserver",
    expr:
      "histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket" +
      '{verb!~"WATCH|CONNECT",subresource!~"attach|exec|log|portforward|proxy"}[5m])))',
  },
  {
    name: "apiserver-requests",
    signal: "traffic",
    from: "kube-apiserver",
    expr: "sum by (verb) (rate(apiserver_request_total[5m]))",
  },
  {
    name: "apiserver-errors",
    signal: "errors",
    from: "kube-apiserver",
    expr: 'sum by (verb, code) (rate(apiserver_request_total{code=~"429|5.."}[5m]))',
  },
  {
    name: "apiserver-inflight",
    signal: "saturation",
    from: "kube-apiserver",
    expr: "sum by (request_kind) (apiserver_current_inflight_requests)",
  },
  {
    name: "apiserver-queued",
    signal: "saturation",
    from: "kube-apiserver",
    expr: "sum by (priority_level) (apiserver_flowcontrol_current_inqueue_requests)",
  },
  {
    name: "etcd-latency-p99",
    signal: "latency",
    from: "kube-apiserver",
    expr: "histogram_quantile(0.99, " +
      "sum by (operation, le) (rate(etcd_request_duration_seconds_bucket[5m])))",
  },
];

const KUBELET: readonly PresetQuery[] = [
  {
    name: "pod-start-latency-p99",
    signal: "latency",
    from: "kubelet",
    expr: "histogram_quantile(0.99, " +
      "sum by (le) (rate(kubelet_pod_start_duration_seconds_bucket[5m])))",
  },
  {
    name: "runtime-errors",
    signal: "errors",
    from: "kubelet",
    expr: "sum by (operation_type) (rate(kubelet_runtime_operations_errors_total[5m]))",
  },
  {
    name: "volume-usage",
    signal: "saturation",
    from: "kubelet",
    expr: "max by (namespace, persistentvolumeclaim) " +
      "(kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes)",
  },
  {
    name: "cpu-usage",
    signal: "saturation",
    from: "cAdvisor",
    expr: 'sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=""}[5m]))',
  },
  {
    name: "cpu-throttling",
    signal: "saturation",
    from: "cAdvisor",
    expr:
      'sum by (namespace) (rate(container_cpu_cfs_throttled_periods_total{container!=""}[5m])) / ' +
      'sum by (namespace) (rate(container_cpu_cfs_periods_total{container!=""}[5m]))',
  },
  {
    name: "memory-working-set",
    signal: "saturation",
    from: "cAdvisor",
    expr: 'sum by (namespace) (container_memory_working_set_bytes{container!=""})',
  },
  {
    name: "oom-kills",
    signal: "errors",
    from: "cAdvisor",
    expr: 'sum by (namespace) (increase(container_oom_events_total{container!=""}[5m]))',
  },
  {
    name: "network-receive",
    signal: "traffic",
    from: "cAdvisor",
    expr: 'sum by (namespace) (rate(container_network_receive_bytes_total{namespace!=""}[5m]))',
  },
  {
    name: "network-transmit",
    signal: "traffic",
    from: "cAdvisor",
    expr: 'sum by (namespace) (rate(container_network_transmit_bytes_total{namespace!=""}[5m]))',
  },
  {
    name: "network-drops",
    signal: "errors",
    from: "cAdvisor",
    expr: "sum by (namespace) (" +
      'rate(container_network_receive_packets_dropped_total{namespace!=""}[5m]) + ' +
      'rate(container_network_transmit_packets_dropped_total{namespace!=""}[5m]))',
  },
];

const KUBE_STATE: readonly PresetQuery[] = [
  {
    name: "pods",
    signal: "inventory",
    from: "kube-state-metrics",
    expr: "sum by (namespace, phase) (kube_pod_status_phase)",
  },
  {
    name: "restarts",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "sum by (namespace) (increase(kube_pod_container_status_restarts_total[5m]))",
  },
  {
    name: "waiting-containers",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "sum by (namespace, reason) (kube_pod_container_status_waiting_reason)",
  },
  {
    name: "unavailable-deployments",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "count by (namespace) (kube_deployment_status_replicas_unavailable > 0)",
  },
  {
    name: "unavailable-daemonsets",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "count by (namespace) (kube_daemonset_status_number_unavailable > 0)",
  },
  {
    name: "unready-statefulsets",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "count by (namespace) " +
      "(kube_statefulset_replicas > kube_statefulset_status_replicas_ready)",
  },
  {
    name: "failed-jobs",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "count by (namespace) (kube_job_status_failed > 0)",
  },
  {
    name: "node-conditions",
    signal: "errors",
    from: "kube-state-metrics",
    expr: "sum by (condition, status) (kube_node_status_condition)",
  },
  {
    name: "requested-share",
    signal: "saturation",
    from: "kube-state-metrics",
    expr: 'sum by (resource) (kube_pod_container_resource_requests{resource=~"cpu|memory"}) / ' +
      'sum by (resource) (kube_node_status_allocatable{resource=~"cpu|memory"})',
  },
  {
    name: "autoscalers-at-limit",
    signal: "saturation",
    from: "kube-state-metrics",
    expr: "count by (namespace) (kube_horizontalpodautoscaler_status_current_replicas >= " +
      "kube_horizontalpodautoscaler_spec_max_replicas)",
  },
];

const COREDNS: readonly PresetQuery[] = [
  {
    name: "dns-latency-p99",
    signal: "latency",
    from: "CoreDNS",
    expr: "histogram_quantile(0.99, " +
      "sum by (le) (rate(coredns_dns_request_duration_seconds_bucket[5m])))",
  },
  {
    name: "dns-responses",
    signal: "traffic",
    from: "CoreDNS",
    expr: "sum by (rcode) (rate(coredns_dns_responses_total[5m]))",
  },
];

const TARGETS: readonly PresetQuery[] = [
  {
    name: "targets-up",
    signal: "errors",
    from: "Prometheus",
    expr: "sum by (job) (up)",
  },
  {
    name: "targets",
    signal: "inventory",
    from: "Prometheus",
    expr: "count by (job) (up)",
  },
];

export const KUBERNETES_GOLDEN_SIGNALS: Preset = {
  step: 30_000,
  about: "latency, traffic, errors and saturation of a cluster, by namespace at the finest",
  queries: [...APISERVER, ...KUBELET, ...KUBE_STATE, ...COREDNS, ...TARGETS],
};
