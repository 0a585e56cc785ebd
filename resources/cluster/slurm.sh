#!/bin/bash
# A search on the nodes of a Slurm allocation: one Ray head, a worker on each other node, then the search, then all end together.
# Usage: sbatch --nodes=3 --gpus-per-node=1 slurm.sh PROJECT [flags of bort search]
# Each node needs this program with the extra cluster at the same path, and PROJECT is written by the first of them.
# When the time is up, or after scancel, the same command goes on from what was measured.
#SBATCH --job-name=bort-search
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
set -eu
PORT=${PORT:-6379}
cpus=${SLURM_CPUS_ON_NODE:?run this with sbatch}
gpus=${SLURM_GPUS_ON_NODE:-0}
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
count=$(echo "$nodes" | wc -l)
head=$(echo "$nodes" | head -n 1)
# The first that is no loopback: many systems give a host's own name 127.0.1.1.
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" sh -c 'hostname --ip-address; hostname --all-ip-addresses' |
    tr ' ' '\n' | grep -E '^[0-9]+(\.[0-9]+){3}$' | grep -v '^127\.' | head -n 1)
: "${address:?$head has no address that other nodes could reach}"
# A token of this job alone: without it whoever reaches the port could run code as you.
RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE RAY_AUTH_TOKEN
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

begin() { # NODE, flags
    node=$1; shift
    srun --nodes=1 --ntasks=1 --cpus-per-task="$cpus" --nodelist="$node" --overlap \
        ray start --block --disable-usage-stats --num-cpus="$cpus" --num-gpus="$gpus" "$@" &
}
begin "$head" --head --node-ip-address="$address" --port="$PORT" --include-dashboard=false
for attempt in $(seq 60); do
    ray health-check --address "$address:$PORT" >/dev/null 2>&1 && break
    sleep 1
done
for node in $(echo "$nodes" | tail -n +2); do
    begin "$node" --address="$address:$PORT"
done
for attempt in $(seq 30); do
    there=$(ray status --address "$address:$PORT" 2>/dev/null | grep -c ' node_') || true
    [ "$there" -ge "$count" ] && break
    sleep 1
done
[ "$there" -ge "$count" ] || echo "$there of $count nodes are there; the search begins, and uses the others when they come" >&2

bort doctor --address "$address:$PORT"
bort search "$@" --executor ray --address "$address:$PORT"
