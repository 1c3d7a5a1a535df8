#!/bin/sh
# extract.sh REVISION DIR [PATH...]: writes the files of a commit below DIR.
#
# Goes through a private index: the work tree, the real index and the list of
# work trees stay as they are, and nothing but git is needed.
set -eu
revision=$1 dir=$2
shift 2

rm -rf "$dir"
mkdir -p "$dir"
GIT_INDEX_FILE=$(cd "$dir" && pwd)/.index
export GIT_INDEX_FILE
git read-tree "$revision"
git ls-files -z -- "$@" | git checkout-index -z --stdin --prefix="$dir/"
rm -f "$GIT_INDEX_FILE"
