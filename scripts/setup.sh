#!/bin/sh
# Brings what npm cannot: a Redis-compatible server (Redis >= 6.2 or Valkey) for the tests and the demo.
# With `--with chromium`, brings the browser of the browser tests in its place.
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

find_wanted() {
  if [ "$wanted" = chromium ]; then find_chromium; else find_server; fi
}

by_hand() {
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
  if [ "${3:-redis}" = chromium ]; then install_chromium "$2" >&2; else install "$2" >&2; fi
  exit
fi
if [ "${1:-}" = "--with" ]; then
  if [ "${2:-}" != chromium ]; then
    say "setup.sh knows --with chromium, and nothing else."
    exit 2
  fi
  wanted=chromium
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

if [ "$wanted" = chromium ]; then
  say "No Chromium found: installing it with $manager, for the browser tests."
else
  say "No Redis server found: installing one with $manager (the program only; no service is started)."
fi
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
