#!/bin/sh
# Installs the NeuralOps connector on a host with systemd, or upgrades it, or takes it away. docs/edge.md.
#
# Nothing is installed that the release key did not sign: the signature over SHA256SUMS is verified first,
# by cosign or else by openssl, then the checksum of each file. There is no way around either.
set -eu

NAME=neuralops-connector
USAGE="usage: install.sh --from DIR|URL --key release.pub [--version V] [--root DIR]
       install.sh --uninstall [--purge] [--root DIR]

  --from       where the files of a release are: a directory or an https:// URL
  --key        the release's public key, PEM; get it from elsewhere than the release
  --version    accept this version alone; also allows to go back to an older one
  --uninstall  take program and unit away; configuration, state and user stay
  --purge      with --uninstall: those go as well, and the connector's identity with them
  --root       put everything below this directory and start nothing"

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}
usage() {
  printf 'install.sh: %s\n%s\n' "$1" "$USAGE" >&2
  exit 2
}
has() { command -v "$1" >/dev/null 2>&1; }
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
same() { [ -f "$2" ] && cmp -s "$1" "$2"; }

from='' key='' version='' root='' uninstall='' purge=''
while [ $# -gt 0 ]; do
  case $1 in
    --from | --key | --version | --root)
      [ $# -ge 2 ] || usage "$1 needs a value"
      case $1 in
        --from) from=$2 ;;
        --key) key=$2 ;;
        --version) version=$2 ;;
        --root) root=${2%/} ;;
      esac
      shift 2
      ;;
    --uninstall) uninstall=yes && shift ;;
    --purge) purge=yes && shift ;;
    -h | --help) say "$USAGE" && exit 0 ;;
    *) usage "unknown argument: $1" ;;
  esac
done

bin=$root/usr/bin/$NAME
unit=$root/usr/lib/systemd/system/$NAME.service
config_dir=$root/etc/$NAME
state_dir=$root/var/lib/$NAME
# Of root's own: what lies here is started again when a new program does not come up.
kept=$root/usr/lib/$NAME
service=$NAME.service

on_this_host() { [ -z "$root" ]; }
under_systemd() { on_this_host && [ -d /run/systemd/system ] && has systemctl; }
is_active() { under_systemd && systemctl is-active --quiet "$service"; }

on_this_host && [ "$(id -u)" != 0 ] && fail "only root may install on this host" \
  "run it with sudo, or with --root DIR to look at what it would install"
if on_this_host && has dpkg-query &&
  dpkg-query --show --showformat='${Status}' "$NAME" 2>/dev/null | grep -q ' installed$'; then
  fail "the Debian package $NAME is installed here" "use apt to upgrade or remove it"
fi

if [ -n "$uninstall" ]; then
  [ -z "$from$key$version" ] || usage "--uninstall takes only --purge and --root"
  done_something=''
  if under_systemd && [ -f "$unit" ]; then
    # In good order: what is under way stays in the journal.
    systemctl disable --now --quiet "$service"
  fi
  for path in "$bin" "$unit" "$kept"; do
    [ -e "$path" ] || continue
    rm -rf "$path"
    say "removed $path"
    done_something=yes
  done
  under_systemd && systemctl daemon-reload
  if [ -n "$purge" ]; then
    for path in "$config_dir" "$state_dir"; do
      [ -e "$path" ] || continue
      rm -rf "$path"
      say "removed $path"
      done_something=yes
    done
    if on_this_host && getent passwd "$NAME" >/dev/null; then
      userdel "$NAME"
      say "removed the user $NAME"
      done_something=yes
    fi
  elif [ -e "$config_dir" ] || [ -e "$state_dir" ]; then
    say "kept $config_dir and $state_dir: --uninstall --purge removes them too"
  fi
  [ -n "$done_something" ] || say "$NAME is not installed: nothing to do"
  exit 0
fi

[ -z "$purge" ] || usage "--purge goes with --uninstall"
[ -n "$from" ] || usage "give --from"
[ -n "$key" ] || usage "give --key"
[ -f "$key" ] || fail "there is no key file $key" "get the release's public key and name it with --key"
case $(uname -s) in
  Linux) ;;
  *) fail "this is $(uname -s), and the connector's host must be Linux" "choose another host" ;;
esac
case $(uname -m) in
  x86_64 | amd64) arch=x86_64 ;;
  aarch64 | arm64) arch=aarch64 ;;
  *) fail "there is no binary for $(uname -m)" "x86_64 and aarch64 are what is released" ;;
esac
has cosign || has openssl || fail "there is neither cosign nor openssl to verify the signature with" \
  "install one of them: apt-get install openssl"
for tool in sha256sum mktemp awk cmp install tr; do
  has "$tool" || fail "there is no $tool on this host" "install coreutils, diffutils and awk"
done

work=$(mktemp -d)
staged=''
cleanup() {
  rm -rf "$work"
  # shellcheck disable=SC2086 # a list; the paths have no spaces unless --root has
  [ -z "$staged" ] || rm -f $staged
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# fetch FILE: from the release into the work directory.
fetch() {
  case $from in
    https://*)
      if has curl; then
        curl --fail --silent --show-error --location --proto '=https' --proto-redir '=https' \
          --output "$work/$1" "$from/$1" || return 1
      elif has wget; then
        wget --quiet --https-only --output-document "$work/$1" "$from/$1" || return 1
      else
        fail "there is neither curl nor wget to download with" \
          "install one, or copy the release here and name its directory"
      fi
      ;;
    *://*) fail "$from is not https" "use an https:// URL or a directory" ;;
    *) [ -f "$from/$1" ] && cp "$from/$1" "$work/$1" ;;
  esac
}
need() {
  fetch "$1" || fail "$from has no $1" "check --from: it must name the files of one release"
}

need SHA256SUMS
not_signed="the signature over SHA256SUMS does not verify with $key"
not_signed_help="nothing was installed; check the key, and get the release anew from its publisher"
if has cosign; then
  need SHA256SUMS.sigstore.json
  # The key is in your hand; the public log would have to be asked over the network.
  cosign verify-blob --key "$key" --bundle "$work/SHA256SUMS.sigstore.json" \
    --insecure-ignore-tlog=true "$work/SHA256SUMS" >"$work/said" 2>&1 || {
    tail -n 1 "$work/said" >&2
    fail "$not_signed" "$not_signed_help"
  }
  verified_by=cosign
else
  need SHA256SUMS.sig
  tr -d '\r\n' <"$work/SHA256SUMS.sig" | openssl base64 -d -A -out "$work/signature" 2>/dev/null ||
    fail "SHA256SUMS.sig is not base64" "$not_signed_help"
  openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/SHA256SUMS" \
    >"$work/said" 2>&1 || fail "$not_signed" "$not_signed_help"
  verified_by=openssl
fi

# checked FILE: fetches it and holds it against its signed checksum.
checked() {
  wanted=$(awk -v name="$1" '$2 == name { print $1 }' "$work/SHA256SUMS")
  [ "${#wanted}" = 64 ] || fail "the release has no $1" "it was not made for this host ($arch)"
  need "$1"
  [ "$(digest "$work/$1")" = "$wanted" ] ||
    fail "$1 is not what was signed: its SHA-256 is $(digest "$work/$1"), not $wanted" \
      "nothing was installed; the download was cut off or altered, get it anew"
}
program=$NAME-linux-$arch
checked "$program"
checked "$NAME.service"
checked connector.minimal.yaml
chmod 0755 "$work/$program"
if ! "$work/$program" version >"$work/version" 2>"$work/said"; then
  tail -n 1 "$work/said" >&2
  fail "the program does not run on this host; nothing was installed" \
    "it needs glibc 2.28 or newer; where ${TMPDIR:-/tmp} is mounted noexec, set TMPDIR to another place"
fi
offered=$(awk '{ print $2 }' "$work/version")
if [ -n "$version" ] && [ "$offered" != "$version" ]; then
  fail "this release is version $offered, not $version" "check --from and --version"
fi
say "verified: signature over SHA256SUMS by $verified_by, checksums of version $offered"

if same "$work/$program" "$bin" && same "$work/$NAME.service" "$unit" && [ -d "$config_dir" ] &&
  { ! on_this_host || getent passwd "$NAME" >/dev/null; }; then
  say "$NAME $offered is installed already: nothing to do"
  exit 0
fi
if [ -x "$bin" ] && [ -z "$version" ]; then
  present=$("$bin" version 2>/dev/null | awk '{ print $2 }') || present=''
  newest=$(printf '%s\n%s\n' "$present" "$offered" | sort -V | tail -n 1)
  [ -z "$present" ] || [ "$newest" = "$offered" ] ||
    fail "$present is installed, and $offered is older" "name it with --version to go back to it"
fi

if on_this_host && ! getent passwd "$NAME" >/dev/null; then
  useradd --system --user-group --home-dir "/var/lib/$NAME" --no-create-home \
    --shell /usr/sbin/nologin "$NAME"
  say "made the system user $NAME"
fi
# First everything under other names, then all by renames: a full disk leaves what was there.
mkdir -p "${bin%/*}" "${unit%/*}"
staged="$bin.new $unit.new"
install -m 0755 "$work/$program" "$bin.new"
install -m 0644 "$work/$NAME.service" "$unit.new"
upgrade=''
if [ -f "$bin" ]; then
  upgrade=yes
  mkdir -p "$kept"
  cp -p "$bin" "$kept/previous"
  [ ! -f "$unit" ] || cp -p "$unit" "$kept/previous.service"
fi
if [ ! -d "$config_dir" ]; then
  mkdir -p "$config_dir"
  chmod 0750 "$config_dir"
  say "made $config_dir"
fi
install -m 0640 "$work/connector.minimal.yaml" "$config_dir/connector.yaml.example"
if on_this_host; then chgrp -R "$NAME" "$config_dir"; fi
mv -f "$bin.new" "$bin"
mv -f "$unit.new" "$unit"
staged=''
say "installed $bin and $unit"

if under_systemd; then
  systemctl daemon-reload
  if is_active; then
    # Drains, and comes back when the new one says that it is ready.
    if systemctl restart "$service"; then
      say "restarted $service: it is ready"
    else
      mv -f "$kept/previous" "$bin"
      [ ! -f "$kept/previous.service" ] || mv -f "$kept/previous.service" "$unit"
      systemctl daemon-reload
      systemctl reset-failed "$service" || true
      systemctl restart "$service" || fail "neither the new program came up nor the old one" \
        "journalctl -u $service says why"
      fail "the new program did not come up: the old one is back, and runs" \
        "journalctl -u $service says why"
    fi
  fi
fi
if [ -z "$upgrade" ]; then
  say "next: write $config_dir/connector.yaml (an example is beside it), then"
  say "  $NAME config check && systemctl enable --now $NAME"
fi
