#!/bin/sh
# Installs Perdure into a virtual environment of its own, as the image has it: the packages that deploy/requirements.lock
# names, by their hashes, then Perdure. What only builds is taken away again.
#
#   deploy/install.sh /opt/perdure      PYTHON chooses the Python; uv does the work if it is on PATH, else pip
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
into=${1:?name the folder to install into}
python=$into/bin/python

if uv --version >/dev/null 2>&1; then
    uv venv --quiet --no-python-downloads --python "${PYTHON:-python3}" "$into"
    install() { uv pip install --quiet --python "$python" "$@"; }
    remove() { uv pip uninstall --quiet --python "$python" setuptools; }
else
    "${PYTHON:-python3}" -m venv "$into"
    install() { "$python" -m pip install --quiet --no-input --disable-pip-version-check "$@"; }
    remove() { "$python" -m pip uninstall --quiet --yes setuptools pip; }
fi

install --require-hashes --only-binary :all: -r deploy/requirements.lock
install --no-deps --no-build-isolation .
remove
