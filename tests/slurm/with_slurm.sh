#!/usr/bin/env bash
# Runs a command on a SLURM of its own: tests/slurm/with_slurm.sh COMMAND...
#
# The cluster has an account `lab`, a partition `cpu` (one node) and a partition `gpu` (two nodes
# with two pretended GPUs each), all on this machine. It lives in namespaces of its own: only the
# command sees its processes, its network (a loopback, nothing else) and its files (in memory, at
# /etc/slurm), and the kernel ends them all with it, however it ends. Needs Debian or Ubuntu, and root.
set -euo pipefail
folder=/etc/slurm

fail() {
  echo "with_slurm: $*" >&2
  exit 1
}

wait_until() { # wait_until SECONDS COMMAND...
  local end=$((SECONDS + $1))
  until "${@:2}" &>/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

install_packages() {
  local packages=(slurmctld slurmd slurm-client munge slurmdbd slurm-wlm-mysql-plugin iproute2)
  packages+=(mariadb-server-core mariadb-client-core)
  local output
  dpkg --status "${packages[@]}" &>/dev/null && return
  command -v apt-get >/dev/null || fail "cannot install SLURM: there is no apt-get, this is not Debian or Ubuntu"
  export DEBIAN_FRONTEND=noninteractive
  output=$(
    exec 2>&1
    apt-get update && apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "${packages[@]}"
  ) || fail "cannot install SLURM: $(grep -m1 '^E:' <<<"$output")"
}

outside() {
  [ "$(id -u)" = 0 ] || fail "cannot start SLURM: its daemons need root"
  install_packages
  local namespaces=(--fork --kill-child --pid --mount-proc --mount --net --uts)
  unshare "${namespaces[@]}" true 2>/dev/null ||
    fail "cannot start SLURM: this machine does not allow namespaces (a container needs CAP_SYS_ADMIN)"
  # In the background, because a trap waits for a command in the foreground. What waits here may be
  # killed, and takes the cluster with it.
  trap 'exit 130' INT TERM HUP
  setpriv --pdeathsig KILL unshare "${namespaces[@]}" "${BASH_SOURCE[0]}" --inside "$@" <&0 &
  wait $!
}

configure() {
  for gpu in 0 1; do mknod "$folder/gpu$gpu" c 1 3; done # /dev/null: SLURM wants a device to hand out
  cat >"$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
# A job that is requeued starts no earlier than its old credential expires.
AuthInfo=cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
# Jobs need a known account, as on most clusters.
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStorageEnforce=associations
AccountingStorageTRES=gres/gpu
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Nodes may have more cores and memory than this machine.
SlurmdParameters=config_overrides
# Seconds until a node that does not answer counts as down.
SlurmdTimeout=20
# A node that is set down stays so until it is set up.
ReturnToService=1
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
# Jobs that have ended are remembered for as long as the tests may take.
MinJobAge=3600
KillWait=2
GresTypes=gpu
# By its weight, gpu2 is used when gpu1 has no room.
NodeName=gpu1 NodeHostname=localhost Port=7001 CPUs=4 RealMemory=64000 Gres=gpu:2
NodeName=gpu2 NodeHostname=localhost Port=7002 CPUs=4 RealMemory=64000 Gres=gpu:2 Weight=2
NodeName=cpu1 NodeHostname=localhost Port=7003 CPUs=4 RealMemory=64000
PartitionName=gpu Nodes=gpu[1-2]
PartitionName=cpu Nodes=cpu1 Default=YES
END
  echo "NodeName=gpu[1-2] Name=gpu File=$folder/gpu[0-1]" >"$folder/gres.conf"
  cat >"$folder/slurmdbd.conf" <<END
AuthType=auth/munge
DbdHost=localhost
SlurmUser=root
LogFile=$folder/slurmdbd.log
PidFile=$folder/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StorageUser=root
END
  chmod 600 "$folder/slurmdbd.conf"
}

start() { # start NAME COMMAND...: a daemon, its first words in a log
  "${@:2}" &>>"$folder/$1.out" </dev/null || fail "cannot start SLURM: $1: $(tail -1 "$folder/$1.out")"
}

all_nodes_idle() {
  [ "$(sinfo --noheader --Node --states idle | wc -l)" = 3 ]
}

inside() {
  trap 'exit 130' INT TERM HUP # the first process of a namespace ignores what it does not trap
  hostname localhost
  ip link set lo up
  ip address add 127.0.0.2/8 dev lo # glibc resolves no name where there is no address but 127.0.0.1
  for place in "$folder" /run/munge; do
    mkdir -p "$place"
    mount -t tmpfs tmpfs "$place"
  done
  chmod 755 "$folder" /run/munge # munge refuses what everyone may write to
  mkdir "$folder/state" "$folder/database"
  configure

  head --bytes 1024 /dev/urandom >"$folder/munge.key"
  chmod 400 "$folder/munge.key"
  start munge munged --key-file "$folder/munge.key" --seed-file "$folder/munge.seed" \
    --log-file "$folder/munge.log" --pid-file "$folder/munge.pid"

  local database=(--no-defaults --user=root --datadir="$folder/database" --innodb-log-file-size=8M)
  start mariadb-install-db mariadb-install-db "${database[@]}"
  mariadbd "${database[@]}" --socket="$folder/database.socket" --bind-address=127.0.0.1 --skip-grant-tables \
    &>"$folder/database.log" </dev/null &
  wait_until 30 bash -c '>/dev/tcp/127.0.0.1/3306' || fail "cannot start SLURM: its database does not answer"

  start slurmdbd slurmdbd
  wait_until 30 sacctmgr --noheader show cluster || fail "cannot start SLURM: slurmdbd does not answer"
  for thing in "cluster test" "account lab" "user root account=lab"; do
    # shellcheck disable=SC2086
    sacctmgr --immediate add $thing >/dev/null || fail "cannot start SLURM: sacctmgr does not add $thing"
  done
  start slurmctld slurmctld
  for node in gpu1 gpu2 cpu1; do start "slurmd-$node" slurmd -N "$node"; done
  wait_until 30 all_nodes_idle ||
    fail "cannot start SLURM: a node is missing: $(sinfo --noheader --Node | tr '\n' ' ')"
  wait_until 30 srun --account lab --partition gpu --gpus 1 true ||
    fail "cannot start SLURM: a first job did not run: $(grep -i error "$folder/slurmctld.log" | tail -1)"

  touch "$folder/seedvar-test" # by this, tests know that they are where they should be
  "$@" <&0 &
  wait $!
}

if [ "${1:-}" = --inside ]; then
  inside "${@:2}"
else
  [ $# -gt 0 ] || fail "give a command, for example: $0 bash"
  outside "$@"
fi
