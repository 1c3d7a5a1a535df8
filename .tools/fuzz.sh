#!/bin/sh
# fuzz.sh: `go test -fuzz` takes one target at a time; this runs them in turn.
set -eu
for package in $(go list ./...); do
	targets=$(go test -list '^Fuzz' "$package")
	for target in $targets; do
		case $target in Fuzz*) ;; *) continue ;; esac
		echo "$target" | grep -Eq -- "$FUZZ" || continue
		echo "=== $target in $package"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "$package"
	done
done
