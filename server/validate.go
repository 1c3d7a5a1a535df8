package server

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/server/internal/label"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Limits that the comments of the contract state.
const (
	maxLabels      = 64
	maxConfigBytes = 64 << 10
	maxFilterItems = 100
)

// violation is one rule that a field of a request breaks.
type violation struct {
	field   string // path from the request on, as the caller wrote it: "task.backoff.factor"
	problem string // the value and what to do about it
}

// violations collects what is wrong with a request, so that the caller learns all of it at once.
type violations []violation

// maxViolations is more than anybody will read, and less than a malicious request could have.
const maxViolations = 1000

func (v *violations) add(field, format string, args ...any) {
	if len(*v) >= maxViolations {
		return
	}
	*v = append(*v, violation{field, fmt.Sprintf(format, args...)})
}

// check adds a violation unless ok. What has to be formatted first, as by quote, is for add behind an if: here it is made of every good request too.
func (v *violations) check(ok bool, field, format string, args ...any) {
	if !ok {
		v.add(field, format, args...)
	}
}

// merge adds violations that somebody else found, without those about fields that are known to be wrong: what is said of a value that could not be
// read, and counts as unset, would only confuse.
func (v *violations) merge(others violations) {
	known := map[string]bool{}
	for _, own := range *v {
		known[own.field] = true
	}
	for _, other := range others {
		if !known[other.field] {
			*v = append(*v, other)
		}
	}
}

// err returns the violations as an error, nil when there are none.
func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return &invalidError{violations: v}
}

// String lists the violations in a sentence.
func (v violations) String() string {
	var b strings.Builder
	if len(v) > 1 {
		fmt.Fprintf(&b, "%d %s are wrong: ", len(v), v.noun())
	}
	for i, one := range v {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", one.field, one.problem)
	}
	return b.String()
}

// noun says what is wrong: as many fields as there are violations, or parts of them.
func (v violations) noun() string {
	fields := map[string]struct{}{}
	for _, one := range v {
		fields[one.field] = struct{}{}
	}
	if len(fields) < len(v) {
		return "things"
	}
	return "fields"
}

// quote quotes a value for an error message, cut where it is long.
func quote(value string) string {
	const longest = 64
	if len(value) <= longest {
		return fmt.Sprintf("%q", value)
	}
	end := longest
	for !utf8.RuneStart(value[end]) {
		end--
	}
	return fmt.Sprintf("%q…", value[:end])
}

// duration returns a duration that may not be negative; 0 where it is not set, and where it is wrong.
func (v *violations) duration(field string, d *durationpb.Duration) time.Duration {
	const maxSeconds = int64(math.MaxInt64 / time.Second)
	switch {
	case d == nil:
		return 0
	case d.CheckValid() != nil:
		v.add(field, "seconds %d with nanos %d are no duration; give one like \"1.5s\"", d.GetSeconds(), d.GetNanos())
	case d.GetSeconds() < 0 || d.GetNanos() < 0:
		v.add(field, "%s is negative; give 0s or more", wireDuration(d))
	case d.GetSeconds() >= maxSeconds:
		v.add(field, "%s is more than the server can count; give less than %ds, 292 years", wireDuration(d), maxSeconds)
	default:
		return d.AsDuration()
	}
	return 0
}

// durationOrNone is duration for a field where "0s" asks for nothing, while not set means the default.
func (v *violations) durationOrNone(field string, d *durationpb.Duration) time.Duration {
	before := len(*v)
	if value := v.duration(field, d); value != 0 || d == nil || len(*v) > before {
		return value
	}
	return supervisor.None
}

// wireDuration writes a duration as a caller would. time.Duration is no help with those that it cannot hold.
func wireDuration(d *durationpb.Duration) string {
	if d.GetNanos() == 0 {
		return fmt.Sprintf("%ds", d.GetSeconds())
	}
	sign, seconds, nanos := "", d.GetSeconds(), d.GetNanos()
	if seconds < 0 || nanos < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	return fmt.Sprintf("%s%d.%ss", sign, seconds, strings.TrimRight(fmt.Sprintf("%09d", nanos), "0"))
}

// enum checks that value is one that the contract has. Whether it may be left unset, as zero, is for the caller to say.
func (v *violations) enum(field string, value protoreflect.Enum, optional bool) {
	if optional && value.Number() == 0 {
		return
	}
	values := value.Descriptor().Values()
	known := values.ByNumber(value.Number())
	if known != nil && (optional || known.Number() != 0) {
		return
	}
	given := fmt.Sprint(value.Number())
	if known != nil {
		given = string(known.Name())
	}
	names := make([]string, 0, values.Len())
	for i := range values.Len() {
		if value := values.Get(i); value.Number() != 0 {
			names = append(names, string(value.Name()))
		}
	}
	v.add(field, "%s is none of %s", given, strings.Join(names, ", "))
}

// uid returns the uid that text stands for. The zero uid, which stands for none, is not one to give.
func (v *violations) uid(field, text string) (uid supervisor.UID) {
	uid, err := supervisor.ParseUID(text)
	if err != nil || uid.IsZero() {
		v.add(field, "%s is no uid; give one as the server sent it, like 01890a5d-ac96-774b-bcce-b302099a8057", quote(text))
	}
	return uid
}

// taskName checks the name of a task that is to be found. The engine checks those that are to be added.
func (v *violations) taskName(field, name string) {
	if !supervisor.ValidName(name) {
		v.add(field, "%s cannot name a task; give 1 to %d characters out of a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit",
			quote(name), supervisor.MaxNameLength)
	}
}

func (v *violations) labels(field string, labels map[string]string) {
	if len(labels) > maxLabels {
		v.add(field, "%d labels are too many; give at most %d", len(labels), maxLabels)
		return
	}
	if len(labels) == 0 {
		return // the way to nothing in order takes three allocations
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value, path := labels[key], plugin.Key(field, key)
		if !label.ValidKey(key) {
			v.add(path, "%s cannot be the key of a label; %s", quote(key), label.KeyRule)
		}
		if !label.ValidValue(value) {
			v.add(path, "%s cannot be the value of a label; %s", quote(value), label.ValueRule)
		}
	}
}

// selector returns the label selector that text stands for; one that selects all where text is no selector.
func (v *violations) selector(field, text string) label.Selector {
	s, err := label.Parse(text)
	if e, ok := errors.AsType[*label.Error](err); ok {
		for _, problem := range e.Problems {
			v.add(field, "%s", problem)
		}
	}
	return s
}
