//go:build e2e

package e2e

import "slices"

// items takes the messages of a stream of WatchEvents apart. How many events come in one message, and how many messages have none, is a matter
// of time; their order is not. It returns false for documents that are something else.
func items(documents []any) (all []any, ok bool) {
	for _, document := range documents {
		if document == dots {
			all = append(all, dots)
			continue
		}
		message, isObject := document.(map[string]any)
		if !isObject || !isMessage(message) {
			return nil, false
		}
		for _, key := range []string{"tasks", "snapshotComplete", "gap", "events"} {
			switch value := message[key].(type) {
			case nil:
			case []any:
				all = append(all, value...)
			default:
				all = append(all, map[string]any{key: value})
			}
		}
	}
	return all, true
}

func isMessage(message map[string]any) bool {
	for key := range message {
		if !slices.Contains([]string{"events", "cursor", "gap", "tasks", "snapshotComplete", dots}, key) {
			return false
		}
	}
	return true
}
