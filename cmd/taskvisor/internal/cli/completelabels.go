package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// maxLabelled is how many tasks are looked at for their labels.
const maxLabelled = 2 * listPage

// completeLabels completes KEY=VALUE with the keys that live tasks have, and behind a key with its values.
func (a *app) completeLabels() completer {
	return a.completePart(func(ctx context.Context, c *client.Client, toComplete string) []string {
		key, _, hasValue := strings.Cut(toComplete, "=")
		labels := labelsInUse(ctx, c)
		if hasValue {
			return prefixed(key+"=", labels[key])
		}
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			keys = append(keys, key+"=")
		}
		return keys
	})
}

// completeSelector completes the last requirement of a selector: the key, or a value behind =, == and !=. Values in ( ) are not completed.
func (a *app) completeSelector() completer {
	return a.completePart(func(ctx context.Context, c *client.Client, toComplete string) []string {
		if strings.Count(toComplete, "(") > strings.Count(toComplete, ")") {
			return nil
		}
		last := strings.LastIndexByte(toComplete, ',') + 1
		before, requirement := toComplete[:last], strings.TrimPrefix(toComplete[last:], "!")
		if requirement != toComplete[last:] {
			before += "!"
		}
		labels := labelsInUse(ctx, c)
		if end := strings.LastIndexByte(requirement, '='); end >= 0 {
			key := strings.TrimRight(requirement[:end], "!= ")
			return prefixed(before+requirement[:end+1], labels[key])
		}
		return prefixed(before, slices.Sorted(maps.Keys(labels)))
	})
}

// labelsInUse returns the labels that live tasks have: the values of each key, sorted.
func labelsInUse(ctx context.Context, c *client.Client) map[string][]string {
	labels := map[string][]string{}
	seen := 0
	for t, err := range c.List(ctx, &pb.ListTasksRequest{PageSize: listPage}) {
		if seen++; err != nil || seen > maxLabelled {
			break
		}
		for key, value := range t.GetSpec().GetLabels() {
			if i, has := slices.BinarySearch(labels[key], value); !has {
				labels[key] = slices.Insert(labels[key], i, value)
			}
		}
	}
	return labels
}

func prefixed(prefix string, texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, prefix+text)
	}
	return all
}
