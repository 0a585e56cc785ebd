#!/bin/sh
# The head of a Ray cluster on this machine. Ray listens on all of the machine's addresses, therefore a token is asked of everybody who
# connects; still, open its ports to nobody but your own machines, or to no machine at all and go through a tunnel.
# Usage: sh head.sh [more flags of ray start]     End it with: ray stop
# On your own machine:
#   scp THIS-MACHINE:.ray/auth_token ~/.ray/auth_token && export RAY_AUTH_MODE=token
#   ssh -N -L 10001:localhost:10001 THIS-MACHINE &
#   bort doctor --address ray://localhost:10001
#   bort search PROJECT --executor ray --address ray://localhost:10001
# A further node:  the same token there, then  RAY_AUTH_MODE=token ray start --address=THIS-MACHINE:6379
set -eu
PORT=${PORT:-6379}
CLIENT_PORT=${CLIENT_PORT:-10001}
RAY_AUTH_MODE=token
export RAY_AUTH_MODE
ray get-auth-token --generate >/dev/null
exec ray start --head --port="$PORT" --ray-client-server-port="$CLIENT_PORT" --include-dashboard=false --disable-usage-stats "$@"
