#!/bin/sh
# generated.sh BUF: fails when the generated files are not what proto/ gives.
#
# The fresh copy goes to a scratch folder, so that a failure leaves the tree as
# it was, and uncommitted work is compared as it stands.
set -eu
buf=$1 fresh=.cache/generated

rm -rf "$fresh"
sh .tools/generate.sh "$buf" "$fresh"

status=0
for path in gen server/descriptor.binpb; do
	git --no-pager diff --no-index --stat --exit-code -- "$path" "$fresh/$path" || status=1
done
if [ $status -ne 0 ]; then
	echo 'Generated files differ from proto/. Repair: make generate' >&2
fi
exit $status
