# shellcheck shell=bash
# Debian packages: which are missing, and installing them with root, with sudo, or not at all. Daemons of packages never
# start (policy-rc.d), and what was there before is put back.

# How this user becomes root: "" (is root), "sudo", or fails when there is no way without a question.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    echo ""
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    echo sudo
  else
    return 1
  fi
}

# The command that a person would type for these packages.
debian_command() {
  local update="apt-get update" install="apt-get install -y --no-install-recommends $*"
  if [ "$(id -u)" = 0 ]; then
    echo "$update && $install"
  elif command -v sudo >/dev/null; then
    echo "sudo $update && sudo $install"
  else
    echo "su -c '$update && $install'"
  fi
}

# Prints those of the packages that are not installed.
debian_missing() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# debian_install PACKAGE… : installs them; false when that is not possible. The lists are fetched only when the first try
# fails: they may be missing or old.
debian_install() {
  command -v apt-get >/dev/null || return 1
  local sudo log done=1
  sudo=$(as_root) || return 1
  log=$(mktemp)
  policy_forbid "$sudo"
  if apt_install "$sudo" "$@" >"$log" 2>&1 || { apt_get "$sudo" update && apt_install "$sudo" "$@"; } >"$log" 2>&1; then
    done=0
  else
    tail -n 20 "$log" >&2
  fi
  policy_restore "$sudo"
  rm -f "$log"
  return $done
}

apt_get() {
  local sudo=$1
  shift
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

apt_install() {
  local sudo=$1
  shift
  apt_get "$sudo" install -y --no-install-recommends "$@"
}

POLICY=/usr/sbin/policy-rc.d

# 101: "action forbidden by policy", so that no daemon starts when its package is unpacked.
policy_forbid() {
  policy_before=$(mktemp -u)
  [ -e $POLICY ] && $1 cp -a $POLICY "$policy_before"
  trap 'policy_restore "'"$1"'"' EXIT
  printf '#!/bin/sh\nexit 101\n' | $1 tee $POLICY >/dev/null
  $1 chmod 755 $POLICY
}

policy_restore() {
  trap - EXIT
  if [ -e "$policy_before" ]; then $1 mv "$policy_before" $POLICY; else $1 rm -f $POLICY; fi
}
