#!/bin/sh
# Builds .venv, the virtual environment that every `make` target runs in; silent and quick when it is there already.
#
#   PYTHON=python3.12 deploy/setup.sh      PYTHON chooses the Python; uv does the work if it is on PATH, else pip
#
# The copies .venv/installed.lock and .venv/installed.toml are written last, each after what it stands for was
# installed. An interrupted set-up has none, and is started again.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
unset PYTHONHOME PYTHONPATH

venv=.venv
python=$venv/bin/python
log=$venv/setup.log
lock=.venv.lock

say() {
    printf 'setup: %s\n' "$*"
}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# A pyenv shim is there and fails: only running a thing shows that it works.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

have_uv() {
    uv --version >/dev/null 2>&1
}

# An environment names its folder in every script, so it does not survive a move. The version directory is missing
# where the system's Python was upgraded under it.
dependencies_are_there() {
    cmp -s requirements.lock "$venv/installed.lock" || return 1
    [ "$(cat "$venv/installed.at" 2>/dev/null)" = "$(pwd -P)" ] || return 1
    version=$(version_of "$python")
    [ -n "$version" ] && [ -d "$venv/lib/python$version" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$version" ]
}

project_is_there() {
    cmp -s pyproject.toml "$venv/installed.toml"
}

# The link's target is our process id: making it is atomic, and a dead owner is seen.
take_lock() {
    waiting=no
    tries=0
    until ln -s "$$" "$lock" 2>/dev/null; do
        if owner=$(readlink "$lock"); then
            kill -0 "$owner" 2>/dev/null || { rm -f "$lock"; continue; }
            [ "$waiting" = yes ] || say "waiting for another set-up (process $owner)"
            waiting=yes
            sleep 1
        else
            tries=$((tries + 1))
            [ "$tries" -lt 9 ] || fail "cannot make links in $(pwd): is it writable, and no Windows or shared folder?"
        fi
    done
    trap 'rm -f "$lock"' EXIT
    trap 'exit 130' HUP INT TERM
}

refuse_platform() {
    case "${OS:-}/$(uname -s)" in
        Windows_NT/* | */MINGW* | */MSYS* | */CYGWIN*)
            fail "Windows is supported through WSL only: run 'wsl --install', then make, inside it." ;;
    esac
    if ldd --version 2>&1 | grep -qi musl; then
        fail "this system has musl libc (Alpine?) and PostgreSQL's wheel needs glibc: use Debian, Ubuntu or Fedora."
    fi
}

find_python() {
    seen=''
    without_venv=''
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3 python
    fi
    for base in "$@"; do
        version=$(version_of "$base")
        case "$version" in
            3.11 | 3.12 | 3.13)
                if have_uv || "$base" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
                without_venv=${without_venv:-$version} ;;
            ?*) seen="$seen${seen:+, }$base is $version" ;;
        esac
    done
    [ -z "$without_venv" ] ||
        fail "Python $without_venv has no venv module: on Debian or Ubuntu, 'sudo apt install python$without_venv-venv', then make again."
    [ -z "${PYTHON:-}" ] ||
        fail "PYTHON=$PYTHON is not Python 3.11, 3.12 or 3.13${seen:+ ($seen)}: name one that is."
    fail "no Python 3.11, 3.12 or 3.13 found${seen:+ ($seen)}: install one, or name it with 'make PYTHON=/path/to/python3.13'."
}

# An environment made by uv has no pip of its own.
install() {
    if [ -x "$venv/bin/pip" ]; then
        "$python" -m pip install --quiet --no-input --no-user --disable-pip-version-check "$@" >>"$log" 2>&1
    else
        uv pip install --quiet --python "$python" "$@" >>"$log" 2>&1
    fi
}

# $1: what could not be done
fail_with_log() {
    reason=$(grep -i error "$log" 2>/dev/null | tail -n 1)
    fail "could not $1: ${reason:-no reason given}. Is the package index reachable? The whole log: $log"
}

install_lock() {
    install --require-hashes --only-binary :all: -r requirements.lock
}

new_environment() {
    rm -rf "$venv"
    mkdir "$venv"
}

build_with_uv() {
    new_environment
    uv venv --quiet --allow-existing --no-python-downloads --python "$base" "$venv" >>"$log" 2>&1 && install_lock
}

build_with_pip() {
    new_environment
    "$base" -m venv "$venv" >>"$log" 2>&1 && install_lock
}

install_dependencies() {
    refuse_platform
    find_python
    if have_uv; then
        say "making $venv with Python $version and requirements.lock (uv, some seconds)"
        if build_with_uv; then return; fi
        "$base" -c 'import ensurepip, venv' 2>/dev/null || fail_with_log "install requirements.lock"
    fi
    say "making $venv with Python $version and requirements.lock (pip, about a minute)"
    build_with_pip || fail_with_log "install requirements.lock"
}

install_project() {
    say "installing Perdure itself"
    rm -f "$venv/installed.toml"
    install --no-deps --no-build-isolation -e . || fail_with_log "install Perdure"
}

if dependencies_are_there && project_is_there; then exit 0; fi
take_lock
if ! dependencies_are_there || ! { [ -x "$venv/bin/pip" ] || have_uv; }; then
    install_dependencies
    pwd -P >"$venv/installed.at"
    cp requirements.lock "$venv/installed.lock"
fi
if ! project_is_there; then
    install_project
    cp pyproject.toml "$venv/installed.toml"
fi
