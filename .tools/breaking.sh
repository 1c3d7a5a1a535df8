#!/bin/sh
# breaking.sh BUF: fails when a change to the protos breaks published clients.
#
# What is published is main: origin/main, or the local branch without a remote.
# The base to compare with is where this work left main. On main itself that
# would be the very same files, as in the fresh clone that CI works in, so:
#   work on top of main      → the commit it branched from
#   main, protos edited      → HEAD
#   main, nothing edited     → the commit before HEAD
# The last is the previous state of main as long as one commit lands at a time.
# CI that knows better, or who lands several, says so in BREAKING_BASE.
#
# buf's own `.git#ref=…` cannot name the commit before HEAD and fails on a base
# that has no protos, hence the extracted copy.
set -eu
buf=$1 copy=.cache/breaking

skip() {
	echo "breaking: nothing to compare with: $1"
	exit 0
}

# Set but unknown is a first push, which gives zeros, or rewritten history.
if ! base=$(git rev-parse --verify --quiet "${BREAKING_BASE:-unset}^{commit}"); then
	git rev-parse --verify --quiet HEAD >/dev/null || skip 'no commit yet'
	head=$(git rev-parse HEAD)
	for main in origin/main main HEAD; do
		git rev-parse --verify --quiet "$main^{commit}" >/dev/null && break
	done
	base=$(git merge-base HEAD "$main") || skip "no common history with $main"
	if [ "$base" = "$head" ] && [ -z "$(git status --porcelain -- proto buf.yaml)" ]; then
		base=$(git rev-parse --verify --quiet 'HEAD^1') || skip 'no commit before HEAD'
	fi
fi
git cat-file -e "$base:buf.yaml" 2>/dev/null && git cat-file -e "$base:proto" 2>/dev/null ||
	skip "no protos in $base"

sh .tools/extract.sh "$base" "$copy" proto buf.yaml
echo "breaking: comparing with $(git log -1 --format='%h %s' "$base")"
"$buf" breaking --against "$copy"
