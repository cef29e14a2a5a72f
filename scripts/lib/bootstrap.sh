# shellcheck shell=bash
# Sourced by try, test, install and package. Brings what they need on a machine with Debian 12, Node 20 and npm: the
# packages of pnpm-lock.yaml, libatomic1 (Node 26 needs it), and Node 26 itself, which is one of those packages.
# Installs nothing that is there already; says in one line what it does; ends with the cure when it cannot go on.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PNPM=pnpm@12.21.0

# shellcheck source=scripts/lib/debian.sh
. "$root/scripts/lib/debian.sh"

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Are the packages as the lock file and every package.json want them?
packages_are_current() {
  [ -e "$root/node_modules/.modules.yaml" ] || return 1
  local newer
  newer=$(find "$root/package.json" "$root/pnpm-lock.yaml" "$root/pnpm-workspace.yaml" "$root"/packages/*/package.json \
    "$root"/protocols/*/package.json "$root"/{certs,bin,scripts}/package.json -newer "$root/node_modules/.modules.yaml")
  [ -z "$newer" ]
}

install_packages() {
  packages_are_current && return
  command -v npx >/dev/null || die "Needs Node 20 or newer with npm. Type: $(debian_command nodejs npm)"
  echo "Installing the packages of pnpm-lock.yaml (once, some seconds) …"
  local log
  log=$(mktemp)
  # CI=true: asks no questions. --yes: npx asks none either.
  if ! (cd "$root" && CI=true npx --yes "$PNPM" install --frozen-lockfile) >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "" "The packages could not be installed; the lines above say why. Is the npm registry reachable?" \
      "To try by hand: npx --yes $PNPM install --frozen-lockfile"
  fi
  rm -f "$log"
  touch "$root/node_modules/.modules.yaml"
}

bootstrap() {
  install_packages
  PATH="$root/node_modules/.bin:$PATH"
  # Hundreds of processes start in the tests: what one has compiled, the others need not.
  NODE_COMPILE_CACHE="$root/node_modules/.cache/node"
  export PATH NODE_COMPILE_CACHE
  local said
  said=$(node --version 2>&1) && return
  case $said in
    *libatomic*)
      echo "Installing libatomic1, which Node 26 needs …"
      debian_install libatomic1 || die "Node 26 needs the Debian package libatomic1. Type: $(debian_command libatomic1)"
      ;;
  esac
  said=$(node --version 2>&1) || die "$said" "Node 26 does not run here; the line above says why (linux on x64 is needed)."
}
