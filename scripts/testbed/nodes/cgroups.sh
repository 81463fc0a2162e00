#!/bin/sh
# The cgroups of the nodes. Everything that runs on a node, daemons, shims and containers, is in one of
# them: what is left there after a crash is found and ended without asking a runtime. A program of its own,
# as Deno keeps to itself what is in /sys.
#
#   cgroups.sh make NODE   prints the file that a process writes its id to, to be found with its children
#   cgroups.sh remove      SIGKILL to all that is in them, and away with them
set -eu
root=/sys/fs/cgroup
group=neuralops-testbed
limit=200 # of 50 ms each

# One on cgroup v2; on v1 one for each controller.
hierarchies() {
  if ls "$root"/*/release_agent >/dev/null 2>&1; then
    dirname "$root"/*/release_agent
  else
    echo "$root"
  fi
}

# Where processes are looked for: the kubelet moves containers in every hierarchy.
if [ -d "$root/pids" ]; then tracking=$root/pids; else tracking=$(hierarchies | head -n 1); fi

processes() {
  find "$tracking/$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

case $1 in
make)
  for hierarchy in $(hierarchies); do mkdir -p "$hierarchy/$group/$2/daemons"; done
  echo "$tracking/$group/$2/daemons/cgroup.procs"
  ;;
remove)
  tries=0
  while pids=$(processes) && [ -n "$pids" ]; do
    kill -KILL $pids 2>/dev/null || true
    tries=$((tries + 1))
    if [ $tries -gt $limit ]; then echo "does not end when killed:" $pids >&2; exit 1; fi
    sleep 0.05
  done
  # Of every hierarchy: beside those of v1 runc makes them in a mounted v2.
  for folder in "$root/$group" "$root"/*/"$group"; do
    if [ ! -d "$folder" ]; then continue; fi
    # Busy for a moment after the last process has ended.
    until find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null; do
      tries=$((tries + 1))
      if [ $tries -gt $limit ]; then echo "cannot be removed: $folder" >&2; exit 1; fi
      sleep 0.05
    done
  done
  ;;
esac
