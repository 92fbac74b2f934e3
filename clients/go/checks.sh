#!/usr/bin/env bash
# Builds the program of this folder against the SDK that Debian packages (no modules, nothing fetched) and runs it.
#
# In: `twelve` or `topics`; TIDEWIRE_ENDPOINT; SUITE_TOOLS, where the compiler keeps what it has built. Out: what the program prints.

set -eu

export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=
home=${SUITE_TOOLS:-/tmp/tidewire-tools}/go
export GOCACHE=$home/cache
mkdir -p "$home"
/usr/bin/go build -o "$home/checks" ./*.go
exec "$home/checks" "$@"
