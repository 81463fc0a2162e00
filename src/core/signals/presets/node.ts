/** The USE method (utilisation, saturation, errors) for hosts with the Prometheus node exporter. */
import type { Preset } from "./preset.ts";

const FROM = "node exporter";
/** Virtual network devices come and go with pods. */
const NIC = 'device!~"lo|veth.*|cali.*|cilium.*|lxc.*|cni.*|docker.*|flannel.*|br-.*|tunl.*"';
/** Partitions and what lies on other devices would be counted twice. */
const DISK = 'device!~"loop.*|ram.*|sr.*|dm-.*|md.*"';
const FILESYSTEM = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|autofs|fuse.*|nsfs"';

export const NODE: Preset = {
  step: 30_000,
  about: "processors, memory, disks, network, filesystems and pressure of each host",
  queries: [
    {
      name: "cpu-utilisation",
      signal: "utilisation",
      from: FROM,
      expr: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    },
    {
      name: "load-per-cpu",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (node_load1) / " +
        'count by (instance) (node_cpu_seconds_total{mode="idle"})',
    },
    {
      name: "cpu-pressure",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (rate(node_pressure_cpu_waiting_seconds_total[5m]))",
    },
    {
      name: "memory-utilisation",
      signal: "utilisation",
      from: FROM,
      expr: "1 - sum by (instance) (node_memory_MemAvailable_bytes) / " +
        "sum by (instance) (node_memory_MemTotal_bytes)",
    },
    {
      name: "major-page-faults",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (rate(node_vmstat_pgmajfault[5m]))",
    },
    {
      name: "memory-pressure",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (rate(node_pressure_memory_waiting_seconds_total[5m]))",
    },
    {
      name: "oom-kills",
      signal: "errors",
      from: FROM,
      expr: "sum by (instance) (increase(node_vmstat_oom_kill[5m]))",
    },
    {
      name: "memory-ecc-errors",
      signal: "errors",
      from: FROM,
      expr: "sum by (instance) (increase(node_edac_uncorrectable_errors_total[5m]))",
    },
    {
      name: "disk-utilisation",
      signal: "utilisation",
      from: FROM,
      expr: `sum by (instance, device) (rate(node_disk_io_time_seconds_total{${DISK}}[5m]))`,
    },
    {
      name: "disk-saturation",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance, device) " +
        `(rate(node_disk_io_time_weighted_seconds_total{${DISK}}[5m]))`,
    },
    {
      name: "io-pressure",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (rate(node_pressure_io_waiting_seconds_total[5m]))",
    },
    {
      name: "disk-read",
      signal: "utilisation",
      from: FROM,
      expr: `sum by (instance) (rate(node_disk_read_bytes_total{${DISK}}[5m]))`,
    },
    {
      name: "disk-written",
      signal: "utilisation",
      from: FROM,
      expr: `sum by (instance) (rate(node_disk_written_bytes_total{${DISK}}[5m]))`,
    },
    {
      name: "network-receive",
      signal: "utilisation",
      from: FROM,
      expr: `sum by (instance) (rate(node_network_receive_bytes_total{${NIC}}[5m]))`,
    },
    {
      name: "network-transmit",
      signal: "utilisation",
      from: FROM,
      expr: `sum by (instance) (rate(node_network_transmit_bytes_total{${NIC}}[5m]))`,
    },
    {
      name: "network-drops",
      signal: "saturation",
      from: FROM,
      expr: `sum by (instance) (rate(node_network_receive_drop_total{${NIC}}[5m]) + ` +
        `rate(node_network_transmit_drop_total{${NIC}}[5m]))`,
    },
    {
      name: "network-errors",
      signal: "errors",
      from: FROM,
      expr: `sum by (instance) (rate(node_network_receive_errs_total{${NIC}}[5m]) + ` +
        `rate(node_network_transmit_errs_total{${NIC}}[5m]))`,
    },
    {
      name: "filesystem-usage",
      signal: "utilisation",
      from: FROM,
      expr: `1 - max by (instance, device) (node_filesystem_avail_bytes{${FILESYSTEM}} / ` +
        `node_filesystem_size_bytes{${FILESYSTEM}})`,
    },
    {
      name: "filesystem-inode-usage",
      signal: "utilisation",
      from: FROM,
      expr: `1 - max by (instance, device) (node_filesystem_files_free{${FILESYSTEM}} / ` +
        `node_filesystem_files{${FILESYSTEM}})`,
    },
    {
      name: "filesystem-errors",
      signal: "errors",
      from: FROM,
      expr: `sum by (instance) (node_filesystem_device_error{${FILESYSTEM}})`,
    },
    {
      name: "file-descriptors",
      signal: "saturation",
      from: FROM,
      expr: "sum by (instance) (node_filefd_allocated) / sum by (instance) (node_filefd_maximum)",
    },
    {
      name: "clock-offset",
      signal: "errors",
      from: FROM,
      expr: "max by (instance) (node_timex_offset_seconds)",
    },
    {
      name: "boot-time",
      signal: "inventory",
      from: FROM,
      expr: "max by (instance) (node_boot_time_seconds)",
    },
  ],
};
