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
run_as='1000:1000'
secret_path() { echo "/run/secrets/flame-${1##*/}"; }
contact_path=/run/flame/contact
notice_path=/run/flame/notice
chown "$run_as" "$run/contact"
# Hop limit 1 keeps containers from the metadata service; this keeps them from it also where a host network would not.
iptables -I DOCKER-USER -d 169.254.169.254 -j REJECT 2>/dev/null || true
fetch_secret redis-url FLAME_REDIS_URL_FILE aws ssm get-parameter --with-decryption --query Parameter.Value --output text --name '/shop/redis-url'
fetch_secret signing-key FLAME_SIGNING_KEY_FILE aws secretsmanager get-secret-value --query SecretString --output text --secret-id 'shop/signing-key'
image='123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:42'
command=('node_modules/.bin/flame' 'runner')
run_arguments=()
registry="${image%%/*}"
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
retry 5 600 docker pull --quiet "$image"
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
options=(
  --name flame-runner --init --user "$run_as" --network bridge --stop-timeout 120
  --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /tmp --pids-limit 4096
  -v "$run/contact:$contact_path" -v "$run/notice:$notice_path:ro"
)
for file in "${secret_files[@]}"; do options+=(-v "$file:$(secret_path "$file"):ro"); done
for var in "${vars[@]}"; do options+=(-e "$var"); done
retire() { docker kill --signal TERM flame-runner; }
runner() { exec docker run "${options[@]}" ${run_arguments[@]+"${run_arguments[@]}"} "$image" "${command[@]}"; }
runner &
runner_pid=$!
extend &
trap 'kill -TERM "$runner_pid" 2>/dev/null; wait "$runner_pid"; exit 143' TERM INT HUP
wait "$runner_pid"
