package daemon

import (
	"io"
	"log/slog"
	"strconv"
	"time"
)

// Values of --log-format.
const (
	logText = "text"
	logJSON = "json"
)

func newLogHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	if format == logJSON {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: jsonDuration})
	}
	return newTextHandler(w, level)
}

// jsonDuration writes durations as the API does, in seconds with the unit: "0.25s". slog would write a bare number of nanoseconds.
func jsonDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(seconds(a.Value.Duration()))
	}
	return a
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
