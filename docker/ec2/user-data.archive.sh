#!/bin/bash
shutdown --no-wall -h +15 || poweroff
# Flame runner. Whatever goes wrong below, the line above ends this machine.
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
umask 077
dead_man_minutes='15'
max_lifetime_s='86400'
region='eu-central-1'
export AWS_DEFAULT_REGION="$region" AWS_EC2_METADATA_SERVICE_NUM_ATTEMPTS=5
run="${FLAME_HOST_ROOT:-}/run/flame"
opt="${FLAME_HOST_ROOT:-}/opt/flame"
imds="${FLAME_IMDS_ENDPOINT:-http://169.254.169.254}"
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
}
# flame:env:begin
vars=(
  'FLAME_APP=shop'
  'FLAME_CONFIG=flame.config.js'
  'FLAME_POOL=images'
  'FLAME_RELEASE=42'
  'FLAME_RUNNER_ID=images-abcdef-0000000000aa'
)
# flame:env:end
fetch_secret() {
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
secret_files=()
run_as='flame:flame'
secret_path() { echo "$1"; }
contact_path="$run/contact"
notice_path="$run/notice"
id flame >/dev/null 2>&1 || useradd --system --create-home flame
chown "$run_as" "$run/contact"
# No container here, so this rule is what keeps user code from the machine's credentials: without it nothing starts.
iptables -I OUTPUT -m owner --uid-owner flame -d 169.254.169.254 -j REJECT
fetch_secret redis-url FLAME_REDIS_URL_FILE aws ssm get-parameter --with-decryption --query Parameter.Value --output text --name '/shop/redis-url'
fetch_secret signing-key FLAME_SIGNING_KEY_FILE aws secretsmanager get-secret-value --query SecretString --output text --secret-id 'shop/signing-key'
archive='s3://shop-releases/42.tar.gz'
archive_sha256=''
command=('node_modules/.bin/flame' 'runner')
retry 5 600 aws s3 cp --only-show-errors "$archive" "$opt/app.tar.gz"
[ -z "$archive_sha256" ] || echo "$archive_sha256  $opt/app.tar.gz" | sha256sum --check --quiet
mkdir -p "$opt/app"
tar -xzf "$opt/app.tar.gz" -C "$opt/app" --no-same-owner
rm -f "$opt/app.tar.gz"
chmod -R a+rX "$opt/app"
extend() {
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
}
spot_relay() {
  local token what body
  while sleep 5; do
    token=$(curl -fsS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/latest/api/token" 2>/dev/null) || continue
    for what in spot/instance-action events/recommendations/rebalance; do
      body=$(curl -fsS -m 2 -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$what" 2>/dev/null) || continue
      printf '%s' "$body" > "$run/notice/.new"
      chmod 0444 "$run/notice/.new"
      mv -f "$run/notice/.new" "$run/notice/${what##*/}.json"
    done
  done
}
spot_relay &
vars+=("FLAME_CONTACT_FILE=$contact_path/alive" "FLAME_NOTICE_DIR=$notice_path")
vars+=("HOME=/home/flame" "PATH=$PATH")
retire() { kill -TERM "$runner_pid"; }
runner() { cd "$opt/app" && exec setpriv --reuid flame --regid flame --init-groups --no-new-privs env -i "${vars[@]}" "${command[@]}"; }
runner &
runner_pid=$!
extend &
trap 'kill -TERM "$runner_pid" 2>/dev/null; wait "$runner_pid"; exit 143' TERM INT HUP
wait "$runner_pid"
