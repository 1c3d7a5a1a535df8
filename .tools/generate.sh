#!/bin/sh
# generate.sh BUF OUT: writes OUT/gen and OUT/server/descriptor.binpb.
#
# The descriptor set carries the comments of the proto files, which generated Go
# does not. It is not in gen/ because buf wipes that folder, and it is below
# server/ because //go:embed reads nothing outside its own package.
set -eu
buf=$1 out=$2

"$buf" generate -o "$out"
mkdir -p "$out/server"
"$buf" build --as-file-descriptor-set -o "$out/server/descriptor.binpb"
