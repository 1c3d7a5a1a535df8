package cli

import "strings"

// flagOfField returns the flag that sets a field of the request, "" if there is none.
func flagOfField(field string) string {
	field, _, _ = strings.Cut(field, "[") // of a list, one flag sets all
	return map[string]string{
		"task.name":                "NAME",
		"task.plugin":              "--plugin",
		"task.timeout":             "--attempt-timeout",
		"task.heartbeat_timeout":   "--heartbeat-timeout",
		"task.restart.mode":        "--restart",
		"task.restart.interval":    "--interval",
		"task.restart.schedule":    "--schedule",
		"task.restart.time_zone":   "--time-zone",
		"task.restart.max_retries": "--max-retries",
		"task.restart.limit":       "--restart-limit",
		"task.backoff.first":       "--backoff-first",
		"task.backoff.max":         "--backoff-max",
		"task.backoff.factor":      "--backoff-factor",
		"task.backoff.jitter":      "--jitter",
		"task.backoff.reset_after": "--reset-after",
		"task.capture_output":      "--capture-output",
		"task.admission.slot":      "--slot",
		"task.admission.policy":    "--admission",
		"request_id":               "--request-id",
		"if_exists":                "--if-exists",
		"filter.names":             "NAME",
		"filter.label_selector":    "-l",
		"grace_period":             "--grace",
	}[field]
}
