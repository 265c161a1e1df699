#!/bin/sh
# Brings what npm cannot: a Redis-compatible server (Redis >= 6.2 or Valkey) for the tests and the demo.
# Prints the path of the server on stdout; everything else goes to stderr. Exit codes: 0 found or installed,
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

by_hand() {
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

install() {
  case "$1" in
    apt-get) apt_install ;;
    dnf) dnf install -y valkey || dnf install -y redis ;;
    apk) apk add --no-cache valkey || apk add --no-cache redis ;;
    pacman) pacman -Sy --noconfirm valkey || pacman -Sy --noconfirm redis ;;
    brew) brew install redis ;;
  esac
}

if [ "${1:-}" = "--install" ]; then # the part that runs with raised rights
  install "$2" >&2
  exit
fi

find_server && exit 0

manager=
for candidate in apt-get dnf apk pacman brew; do
  if command -v "$candidate" >/dev/null 2>&1; then manager=$candidate && break; fi
done
if [ -z "$manager" ]; then
  by_hand
  exit 3
fi

say "No Redis server found: installing one with $manager (the program only; no service is started)."
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
if ! $raise sh "$0" --install "$manager" >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  rm -f "$log"
  by_hand
  if [ -n "$raise" ]; then exit 4; else exit 5; fi
fi
rm -f "$log"
find_server && exit 0
say "$manager reported success, but no server is on PATH."
by_hand
exit 5
