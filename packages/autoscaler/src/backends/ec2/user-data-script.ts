/** The fixed parts of user-data. Plain bash 4 with coreutils, `shutdown`, `aws`, and `docker` or `node`. */

/**
 * `finish` is the only way out. It ends the children first, because a poweroff that waits for us would wait for them.
 * `FLAME_HOST_ROOT` moves all paths, for tests; on a machine it is not set.
 */
export const HEAD = `# Flame runner. Whatever goes wrong below, the line above ends this machine.
finish() {
  code=$?
  # Nothing in here may keep the last line from running.
  set +eu
  trap - EXIT
  trap '' TERM INT HUP
  echo "flame: ending this machine (exit code $code)" >&2
  jobs -p | xargs -r kill 2>/dev/null
  shutdown --no-wall -h now || poweroff || poweroff --force
}
trap finish EXIT
trap 'exit 143' TERM INT HUP
set -euo pipefail
umask 077`;

/** `/run` is a tmpfs: secrets never touch a disk. */
export const INIT = `run="\${FLAME_HOST_ROOT:-}/run/flame"
opt="\${FLAME_HOST_ROOT:-}/opt/flame"
imds="\${FLAME_IMDS_ENDPOINT:-http://169.254.169.254}"
mkdir -p "$run" "$opt"
chmod 0755 "$run" "$opt"
mkdir -p "$run/secrets" "$run/contact" "$run/notice"
chmod 0755 "$run/secrets" "$run/notice"
retry() {
  local left=$1 limit=$2
  shift 2
  until timeout "$limit" "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 3
  done
}`;

/** The value goes from the SDK's pipe into a file that only the runner's user can read; it is in no argument and no variable. */
export const SECRETS = `fetch_secret() {
  local file="$run/secrets/$1" variable=$2
  shift 2
  read_secret() { timeout 30 "$@" > "$file" && [ -s "$file" ]; }
  local left=10
  until read_secret "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "flame: cannot read the secret for $variable" >&2; return 1; }
    sleep 3
  done
  # The CLI ends its output with a line feed that is no part of the value.
  truncate -s "$(($(wc -c < "$file") - 1))" "$file"
  chown "$run_as" "$file"
  chmod 0400 "$file"
  secret_files+=("$file")
  vars+=("$variable=$(secret_path "$file")")
}
secret_files=()`;

/**
 * Contact is what the runner says it is: it touches a file whenever Redis has answered it. A runner that hangs, a lost
 * network and a dead Redis all look the same from here, and all let the timer run out.
 */
export const CONTACT = `extend() {
  local seen= now
  while sleep 20; do
    if [ "$SECONDS" -ge "$max_lifetime_s" ]; then
      echo 'flame: end of lifetime, draining' >&2
      retire || true
      return
    fi
    now=$(stat -c %Y "$run/contact/alive" 2>/dev/null) || continue
    [ "$now" != "$seen" ] || continue
    seen=$now
    shutdown --no-wall -h "+$dead_man_minutes" || true
  done
}`;

/** User code must not reach the metadata service, so the host asks and passes on what it says. */
export const SPOT = `spot_relay() {
  local token what body
  while sleep 5; do
    token=$(curl -fsS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/latest/api/token" 2>/dev/null) || continue
    for what in spot/instance-action events/recommendations/rebalance; do
      body=$(curl -fsS -m 2 -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$what" 2>/dev/null) || continue
      printf '%s' "$body" > "$run/notice/.new"
      chmod 0444 "$run/notice/.new"
      mv -f "$run/notice/.new" "$run/notice/\${what##*/}.json"
    done
  done
}
spot_relay &`;

const CONTACT_VARS = `vars+=("FLAME_CONTACT_FILE=$contact_path/alive" "FLAME_NOTICE_DIR=$notice_path")`;

export const IMAGE = {
  prepare: `secret_path() { echo "/run/secrets/flame-\${1##*/}"; }
contact_path=/run/flame/contact
notice_path=/run/flame/notice
chown "$run_as" "$run/contact"
# Hop limit 1 keeps containers from the metadata service; this keeps them from it also where a host network would not.
iptables -I DOCKER-USER -d 169.254.169.254 -j REJECT 2>/dev/null || true`,

  fetch: `registry="\${image%%/*}"
case "$registry" in
  *.dkr.ecr.*.amazonaws.com*)
    login() { aws ecr get-login-password | docker login --username AWS --password-stdin "$registry"; }
    retry_login=5
    until login; do
      retry_login=$((retry_login - 1))
      [ "$retry_login" -gt 0 ] || exit 1
      sleep 3
    done
    ;;
esac
retry 5 600 docker pull --quiet "$image"`,

  start: `${CONTACT_VARS}
options=(
  --name flame-runner --init --user "$run_as" --network bridge --stop-timeout 120
  --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp --pids-limit 4096
  -v "$run/contact:$contact_path" -v "$run/notice:$notice_path:ro"
)
for file in "\${secret_files[@]}"; do options+=(-v "$file:$(secret_path "$file"):ro"); done
for var in "\${vars[@]}"; do options+=(-e "$var"); done
retire() { docker kill --signal TERM flame-runner; }
runner() { exec docker run "\${options[@]}" \${run_arguments[@]+"\${run_arguments[@]}"} "$image" "\${command[@]}"; }`,
} as const;

export const ARCHIVE = {
  prepare: `secret_path() { echo "$1"; }
contact_path="$run/contact"
notice_path="$run/notice"
id flame >/dev/null 2>&1 || useradd --system --create-home flame
chown "$run_as" "$run/contact"
# No container here, so this rule is what keeps user code from the machine's credentials: without it nothing starts.
iptables -I OUTPUT -m owner --uid-owner flame -d 169.254.169.254 -j REJECT`,

  fetch: `retry 5 600 aws s3 cp --only-show-errors "$archive" "$opt/app.tar.gz"
[ -z "$archive_sha256" ] || echo "$archive_sha256  $opt/app.tar.gz" | sha256sum --check --quiet
mkdir -p "$opt/app"
tar -xzf "$opt/app.tar.gz" -C "$opt/app" --no-same-owner
rm -f "$opt/app.tar.gz"
chmod -R a+rX "$opt/app"`,

  start: `${CONTACT_VARS}
vars+=("HOME=/home/flame" "PATH=$PATH")
retire() { kill -TERM "$runner_pid"; }
runner() { cd "$opt/app" && exec setpriv --reuid flame --regid flame --init-groups --no-new-privs env -i "\${vars[@]}" "\${command[@]}"; }`,
} as const;

/** The runner is a child that we wait for; a signal to us reaches it, and its end, by whatever cause, is ours. */
export const RUN = `runner &
runner_pid=$!
extend &
trap 'kill -TERM "$runner_pid" 2>/dev/null; wait "$runner_pid"; exit 143' TERM INT HUP
wait "$runner_pid"`;
