#!/bin/sh
# Boots systemd as PID 1 of its own namespaces: boot.sh ROOT [--inside]. Its end is the machine's.
# By unshare alone: systemd-nspawn and podman's crun want one kind of cgroups, and this takes either.
set -eu
root=$1

if [ "${2:-}" != --inside ]; then
  # A group of its own in each hierarchy that systemd uses, which the new cgroup namespace then begins at.
  for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/edge-$$"
    echo $$ >"$hierarchy/edge-$$/cgroup.procs"
  done
  exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child "$0" "$root" --inside
fi

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -d /sys/fs/cgroup/unified ]; then
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd,xattr cgroup "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
else
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for folder in dev/shm tmp run; do mount -t tmpfs tmpfs "$root/$folder"; done
cd "$root"
pivot_root . mnt
cd /
umount -l /mnt
# Credentials reach their service by propagation.
mount --make-rshared /
ip link set lo up 2>/dev/null || true
exec env -i container=edge-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
  --log-target=journal --show-status=no --unit=multi-user.target </dev/null >/dev/null 2>&1
