#!/bin/sh
# fuzz.sh: `go test -fuzz` takes one target at a time; this runs them in turn.
# An input that reaches something new is made smaller at once, by default for up
# to a minute in which nothing new is tried; large inputs take all of that.
set -eu
ran=0
for package in $(go list ./...); do
	targets=$(go test -list '^Fuzz' "$package")
	for target in $targets; do
		case $target in Fuzz*) ;; *) continue ;; esac
		echo "$target" | grep -Eq -- "$FUZZ" || continue
		echo "=== $target in $package"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime "$FUZZMINIMIZETIME" "$package"
		ran=$((ran + 1))
	done
done
if [ $ran -eq 0 ]; then
	echo "fuzz: no target matches FUZZ=$FUZZ" >&2
	exit 1
fi
