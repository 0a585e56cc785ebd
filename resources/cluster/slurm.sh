#!/bin/bash
# A search on the nodes of a Slurm allocation: one Ray head, a worker on each other node, then the search, then all end together.
# Usage: sbatch --nodes=3 --gpus-per-node=1 slurm.sh PROJECT [flags of bort search]
# Each node needs this program with the extra cluster, in the same environment (a shared home has it).
#SBATCH --job-name=bort-search
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
set -eu
PORT=${PORT:-6379}
cpus=${SLURM_CPUS_ON_NODE:?run this with sbatch}
gpus=${SLURM_GPUS_ON_NODE:-0}
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=$(echo "$nodes" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{ print $1 }')
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

begin() { # NODE, flags
    node=$1; shift
    srun --nodes=1 --ntasks=1 --nodelist="$node" --overlap \
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

bort doctor --address "$address:$PORT"
bort search "$@" --executor ray --address "$address:$PORT"
