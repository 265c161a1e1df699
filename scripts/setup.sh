#!/bin/sh
# Brings what npm cannot: a Redis-compatible server (Redis >= 6.2 or Valkey) for the tests and the demo.
# With `--with chromium`, brings the browser of the browser tests in its place; with `--with faketime`, the library by which
# tests give a process a wrong clock; with `--with podman`, the container engine of the container tests; with `--with ffmpeg`,
# what an example transcodes videos with.
# Prints the path of the program on stdout; everything else goes to stderr. Exit codes: 0 found or installed,
# 3 this system has no package manager that we know, 4 the installation needs rights that we do not have, 5 it failed.
set -eu

say() { printf '%s\n' "$*" >&2; }

find_server() {
  if [ -n "${FLAME_REDIS_SERVER:-}" ]; then
    command -v "$FLAME_REDIS_SERVER" && return 0
    say "FLAME_REDIS_SERVER names '$FLAME_REDIS_SERVER', which cannot be executed; looking for another one."
  fi
  command -v redis-server || command -v valkey-server || PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v redis-server
}

find_chromium() {
  if [ -n "${FLAME_CHROMIUM:-}" ]; then command -v "$FLAME_CHROMIUM" && return 0; fi
  command -v chromium || command -v chromium-browser || command -v google-chrome
}

find_faketime() {
  for library in "${FLAME_FAKETIME:-}" /usr/lib/*/faketime/libfaketime.so.1 /usr/lib*/faketime/libfaketime.so.1 \
    /opt/homebrew/lib/faketime/libfaketime.1.dylib; do
    if [ -e "$library" ]; then printf '%s\n' "$library" && return 0; fi
  done
  return 1
}

# All that a container with limits and a network needs; podman alone would start none.
find_podman() {
  for part in runc catatonit; do command -v "$part" >/dev/null || return 1; done
  command -v podman
}

find_wanted() {
  case "$wanted" in
    chromium) find_chromium ;;
    ffmpeg) command -v ffmpeg ;;
    podman) find_podman ;;
    faketime) find_faketime ;;
    *) find_server ;;
  esac
}

by_hand() {
  if [ "$wanted" = ffmpeg ]; then
    say "The example needs ffmpeg and found none. Install it with your system's package manager; the package is called ffmpeg."
    return
  fi
  if [ "$wanted" = podman ]; then
    say "Flame's container tests need podman, runc, netavark, aardvark-dns and catatonit, and root; without, they are skipped."
    return
  fi
  if [ "$wanted" = faketime ]; then
    say "Flame's tests of wrong clocks need libfaketime and found none; they are skipped. The package is called faketime (Debian)"
    say "or libfaketime (Fedora, Alpine, Arch, Homebrew); or set FLAME_FAKETIME to the path of the library."
    return
  fi
  if [ "$wanted" = chromium ]; then
    say "Flame's browser tests need Chromium and found none. Install it with your system's package manager (Debian, Fedora, Alpine,"
    say "Arch: the package is called chromium), or set FLAME_CHROMIUM to the path of a Chromium or Chrome."
    return
  fi
  say "Flame's tests and demo start a private Redis and found neither redis-server nor valkey-server. Install one:"
  say "  Debian, Ubuntu   sudo apt-get install redis-server"
  say "  Fedora, RHEL     sudo dnf install valkey"
  say "  Alpine           sudo apk add valkey"
  say "  Arch             sudo pacman -S valkey"
  say "  macOS            brew install redis"
  say "  Windows          use WSL 2 and one of the lines above"
  say "or set FLAME_REDIS_SERVER to the path of a server. For the demo alone, REDIS_URL=redis://… of a server that runs will do."
}

# Debian's package starts a system service at once; all that is wanted here is the program.
apt_install() {
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends redis-server ||
    { apt-get update && apt-get install -y --no-install-recommends redis-server; }
}

apt_chromium() {
  export DEBIAN_FRONTEND=noninteractive
  set -- install -y --no-install-recommends chromium fonts-dejavu-core
  apt-get "$@" || { apt-get update && apt-get "$@"; }
}

install_faketime() {
  case "$1" in
    apt-get) DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends faketime ||
      { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends faketime; } ;;
    dnf) dnf install -y libfaketime ;;
    apk) apk add --no-cache libfaketime ;;
    pacman) pacman -Sy --noconfirm libfaketime ;;
    brew) brew install libfaketime ;;
  esac
}

# Named one by one: the recommended packages of podman are many, and its own choice of a runtime fails on mixed cgroups.
apt_podman() {
  export DEBIAN_FRONTEND=noninteractive
  set -- install -y --no-install-recommends podman runc netavark aardvark-dns fuse-overlayfs catatonit iptables
  apt-get "$@" || { apt-get update && apt-get "$@"; }
}

install_ffmpeg() {
  case "$1" in
    apt-get) DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ffmpeg ||
      { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ffmpeg; } ;;
    dnf) dnf install -y ffmpeg-free ;;
    apk) apk add --no-cache ffmpeg ;;
    pacman) pacman -Sy --noconfirm ffmpeg ;;
    brew) brew install ffmpeg ;;
  esac
}

install_podman() {
  case "$1" in
    apt-get) apt_podman ;;
    dnf) dnf install -y podman runc netavark aardvark-dns catatonit ;;
    *) return 1 ;;
  esac
}

install_chromium() {
  case "$1" in
    apt-get) apt_chromium ;;
    dnf) dnf install -y chromium ;;
    apk) apk add --no-cache chromium ;;
    pacman) pacman -Sy --noconfirm chromium ;;
    brew) brew install --cask chromium ;;
  esac
}

install() {
  case "$1" in
    apt-get) apt_install ;;
    dnf) dnf install -y valkey || dnf install -y redis ;;
    apk) apk add --no-cache valkey || apk add --no-cache redis ;;
    pacman) pacman -Sy --noconfirm valkey || pacman -Sy --noconfirm redis ;;
    brew) brew install redis ;;
  esac
}

wanted=redis
if [ "${1:-}" = "--install" ]; then # the part that runs with raised rights
  case "${3:-redis}" in
    chromium) install_chromium "$2" >&2 ;;
    ffmpeg) install_ffmpeg "$2" >&2 ;;
    faketime) install_faketime "$2" >&2 ;;
    podman) install_podman "$2" >&2 ;;
    *) install "$2" >&2 ;;
  esac
  exit
fi
if [ "${1:-}" = "--with" ]; then
  case "${2:-}" in
    chromium | faketime | ffmpeg | podman) wanted=$2 ;;
    *)
      say "setup.sh knows --with chromium, --with faketime, --with ffmpeg and --with podman, and nothing else."
      exit 2
      ;;
  esac
fi

find_wanted && exit 0

manager=
for candidate in apt-get dnf apk pacman brew; do
  if command -v "$candidate" >/dev/null 2>&1; then manager=$candidate && break; fi
done
if [ -z "$manager" ]; then
  by_hand
  exit 3
fi

case "$wanted" in
  chromium) say "No Chromium found: installing it with $manager, for the browser tests." ;;
  ffmpeg) say "No ffmpeg found: installing it with $manager, for the example." ;;
  podman) say "No container engine found: installing podman with $manager, for the container tests." ;;
  faketime) say "No libfaketime found: installing it with $manager, for the tests of wrong clocks." ;;
  *) say "No Redis server found: installing one with $manager (the program only; no service is started)." ;;
esac
if [ "$manager" = brew ] || [ "$(id -u)" = 0 ]; then
  raise=
elif ! command -v sudo >/dev/null 2>&1; then
  by_hand
  exit 4
elif [ -t 0 ]; then
  raise=sudo
else
  raise='sudo -n' # nobody is there to type a password
fi
log=$(mktemp)
if ! $raise sh "$0" --install "$manager" "$wanted" >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  rm -f "$log"
  by_hand
  if [ -n "$raise" ]; then exit 4; else exit 5; fi
fi
rm -f "$log"
find_wanted && exit 0
say "$manager reported success, but no $wanted is on PATH."
by_hand
exit 5
