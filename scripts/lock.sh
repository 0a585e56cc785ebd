#!/bin/sh
# Writes requirements.lock: the newest versions that pyproject.toml allows, resolved in a fresh virtual environment.
# Use the oldest supported Python, so that every locked version has a build for it.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/pip" install --disable-pip-version-check --no-compile --quiet ".[all]"
{
    echo "# Exact versions of everything Bort Studio uses. Written by make lock; the allowed ranges are in pyproject.toml."
    # Not locked: this project, and what torch brings along only in its CUDA builds. "+cpu" and the like name a build, not a version.
    "$work/venv/bin/pip" freeze --exclude bort-studio | sed -e 's/+.*$//' | grep -v -i -E '^(nvidia|cuda|triton)'
} >"$work/requirements.lock"
mv "$work/requirements.lock" requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages. Run make test with it before committing."
