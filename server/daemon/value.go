package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Parsers of values. Their errors quote the value and say what to write; the caller adds where the value was given.

func parseText(value string) (string, error) { return value, nil }

func formatText(value string) string { return value }

func parseBool(value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%q is neither true nor false", value)
	}
}

// between parses a whole number within bounds.
func between(least, most int) func(string) (int, error) {
	return func(value string) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", value, least, most)
		}
		return n, nil
	}
}

// oneOf accepts the words of a list.
func oneOf(words ...string) func(string) (string, error) {
	return func(value string) (string, error) {
		for _, word := range words {
			if value == word {
				return value, nil
			}
		}
		return "", fmt.Errorf("%q is not one of %s", value, strings.Join(words, ", "))
	}
}

// maxGrace is far beyond what anyone waits for, and far from where a duration overflows.
const maxGrace = 24 * time.Hour

func parseGrace(value string) (time.Duration, error) {
	d, err := parseDuration(value)
	if err == nil && (d <= 0 || d > maxGrace) {
		return 0, fmt.Errorf("%q is out of range; write more than 0s and at most %s", value, hours(maxGrace))
	}
	return d, err
}

// durationBetween parses a duration within bounds.
func durationBetween(least, most time.Duration) func(string) (time.Duration, error) {
	return func(value string) (time.Duration, error) {
		d, err := parseDuration(value)
		if err == nil && (d < least || d > most) {
			return 0, fmt.Errorf("%q is out of range; write %s to %s", value, least, hours(most))
		}
		return d, err
	}
}

func parseLinger(value string) (time.Duration, error) {
	d, err := parseDuration(value)
	if err == nil && (d < 0 || d > server.MaxLinger) {
		return 0, fmt.Errorf("%q is out of range; write 0s to %s", value, server.MaxLinger)
	}
	return d, err
}

func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write one such as 10s or 1m30s", value)
	}
	return d, nil
}

func hours(d time.Duration) string { return fmt.Sprintf("%.0fh", d.Hours()) }

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func parseLevel(value string) (slog.Level, error) {
	level, ok := levels[value]
	if !ok {
		return 0, fmt.Errorf("%q is not one of debug, info, warn, error", value)
	}
	return level, nil
}

func formatLevel(level slog.Level) string { return strings.ToLower(level.String()) }

// noAddress stands for an address that is not wanted, where an empty value stands for one that is not given.
const noAddress = "none"

// parseAddress checks HOST:PORT. A name of a host is looked up later, as that may fail without the value being wrong.
func parseAddress(value string) (string, error) {
	if value == noAddress {
		return "", nil
	}
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		if _, err := strconv.Atoi(value); err == nil {
			return "", fmt.Errorf("%q is not HOST:PORT; write 127.0.0.1:%s", value, value)
		}
		return "", fmt.Errorf("%q is not HOST:PORT; write an address such as 127.0.0.1:7700 or [::1]:7700, or none", value)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q has no port from 0 to 65535; write an address such as 127.0.0.1:7700", value)
	}
	return value, nil
}

func formatAddress(value string) string {
	if value == "" {
		return noAddress
	}
	return value
}

// maxSocketPath is how long the path of a unix socket may be, the zero byte at its end excluded: 107 bytes on Linux. The kernel would only
// say "invalid argument".
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

func parseSocket(value string) (string, error) {
	if len(value) > maxSocketPath {
		return "", fmt.Errorf("the path has %d bytes, and that of a socket may have %d; choose a shorter one", len(value), maxSocketPath)
	}
	return value, nil
}

// checkPluginName checks what can be checked without knowing the plugins.
func checkPluginName(value string) error {
	if !plugin.ValidName(value) {
		return fmt.Errorf("%q cannot be the name of a plugin; write names such as sleep, separated by commas", value)
	}
	return nil
}

// checkUser checks what can be checked without asking the system, which may know the user later.
func checkUser(value string) error {
	name, group, both := strings.Cut(value, ":")
	if name == "" || both && group == "" || strings.ContainsAny(value, " \t\n/*?") || strings.Contains(group, ":") {
		return fmt.Errorf("%q is neither USER nor USER:GROUP; write names or numbers, such as nobody or 1000:1000", value)
	}
	return nil
}

// checkCommand checks what can be checked without knowing the plugin; the plugin itself checks the rest before anything starts.
func checkCommand(value string) error {
	if value == "" {
		return errors.New("an empty command allows nothing; write a name such as date, or an absolute path")
	}
	return nil
}
