#!/bin/sh
# benchcmp.sh BENCHSTAT REVISION PACKAGE...: benchmarks of a commit against those of the work tree.
#
# The result of a commit never changes, so it is kept in .cache/bench and
# measured again only for another commit, BENCH, BENCHTIME or COUNT.
set -eu
benchstat=$1 revision=$2
shift 2
commit=$(git rev-parse --verify "$revision^{commit}")
key=$(printf '%s' "$commit $BENCH $BENCHTIME $COUNT" | git hash-object --stdin)
results=$(pwd)/.cache/bench

bench() { # FILE PACKAGE...
	file=$1
	shift
	go test -timeout 1h -run '^$' -bench "$BENCH" -benchmem -benchtime "$BENCHTIME" -count "$COUNT" "$@" >"$file.part" || {
		cat "$file.part" >&2
		exit 1
	}
	mv "$file.part" "$file"
}

mkdir -p "$results"
if [ ! -f "$results/$key.txt" ]; then
	echo "benchcmp: measuring $revision"
	sh .tools/extract.sh "$commit" .cache/bench/tree
	(cd .cache/bench/tree && bench "$results/$key.txt" "$@")
fi
echo 'benchcmp: measuring the work tree'
bench "$results/new.txt" "$@"
"$benchstat" "$revision=$results/$key.txt" "tree=$results/new.txt"
