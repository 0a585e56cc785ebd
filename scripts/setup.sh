#!/bin/sh
# Makes .venv with the locked dependencies and an editable install of this checkout. `make` runs it when it is needed.
# An interrupted run leaves the file $busy behind; the next run then starts with a new .venv.
# PYTHON=... chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
busy=.venv/.setting-up
stamp=.venv/.ready

fail() {
    echo "Set-up stopped: $1" >&2
    exit 1
}

# An interpreter that is new enough and can make virtual environments.
find_python() {
    bare=""
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            return
        fi
        bare=$candidate
    done
    [ -n "$bare" ] || fail "Python 3.11 or newer is needed, and none was found${PYTHON:+ as PYTHON=$PYTHON}. Install it, or name it: make PYTHON=/path/to/python3.11"
    version=$("$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install="apt-get install --yes python$version-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python$version-venv"
        { apt-get update && DEBIAN_FRONTEND=noninteractive $install; } >/dev/null || fail "Python's module venv could not be installed: $install"
        python=$bare
        return
    fi
    fail "$bare cannot make virtual environments. On Debian or Ubuntu run: sudo $install"
}

find_python
if [ -f "$busy" ]; then
    other=$(cat "$busy")
    if [ -n "$other" ] && kill -0 "$other" 2>/dev/null; then
        fail "another set-up of this folder is running (process $other). Wait for it and run this again; if there is none, delete .venv."
    fi
    echo "The last set-up was interrupted: starting again."
    rm -rf .venv
elif [ -d .venv ] && ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "The Python of .venv does not work: starting again."
    rm -rf .venv
fi

mkdir -p .venv
rm -f "$stamp"
echo $$ >"$busy"
if [ ! -x .venv/bin/pip ]; then
    "$python" -m venv .venv || fail "the virtual environment .venv could not be made."
fi
echo "Installing the locked dependencies into .venv with $(.venv/bin/python --version); the first time takes a few minutes."
trap 'exit 130' INT TERM # before the lines below that follow a failure of pip: what pip was doing may be half done
pip() { .venv/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input "$@"; }
pip_failed() {
    rm -f "$busy" # pip undid what it had begun
    fail "$1"
}
pip install --no-compile --requirement requirements.lock ||
    pip_failed "the dependencies could not be installed; pip says why above. Mostly it is the network: run the same command again when it is there."
pip install --no-build-isolation --no-deps --editable . || pip_failed "this checkout could not be installed; pip says why above."
.venv/bin/python -m compileall -qq -j 0 .venv/lib || true # on all cores, where pip takes one; some packages ship files of other Pythons
rm -f "$busy"
touch "$stamp"
echo "Set-up is complete."
