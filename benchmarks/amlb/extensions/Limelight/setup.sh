#!/usr/bin/env bash
# Run once by the AutoML Benchmark: an environment of our own beside this file, from our lock.
# It is not the benchmark's shared/setup.sh, whose packages are older than the ones we need.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$here/../../../.." && pwd -P)
python=${LIMELIGHT_PYTHON:-python3.11}

"$python" -m venv "$here/venv"
"$here/venv/bin/python" -m pip install --quiet -r "$root/requirements.lock"
"$here/venv/bin/python" -m pip install --quiet --no-deps -e "$root"

mkdir -p "$here/.setup"
"$here/venv/bin/python" -c 'import limelight; print(limelight.__version__)' >> "$here/.setup/installed"
