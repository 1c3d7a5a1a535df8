package supervisor

import (
	"reflect"
	"testing"
	"time"
)

// fullSpec has no zero field. A new field of Spec must be set here, and kept by specs.compact.
func fullSpec() Spec {
	return Spec{
		Name: "t", Task: noop, Timeout: time.Second, HeartbeatTimeout: time.Minute, Labels: map[string]string{"a": "b"},
		Restart:   RestartPolicy{RestartAlways, time.Minute, hourly{}, 3, RestartLimit{4, time.Hour}},
		Backoff:   BackoffPolicy{time.Second, time.Minute, 3, JitterFull, time.Hour},
		Admission: Admission{Slot: "s", Policy: AdmitReplace}, CaptureOutput: true,
	}
}

func TestCompactSpecKeepsEveryField(t *testing.T) {
	var c specs
	spec := fullSpec()
	got := c.compact(&spec)
	full := reflect.ValueOf(got.full())
	for i := range full.NumField() {
		if full.Field(i).IsZero() {
			t.Errorf("%s is lost, or not set by this test", full.Type().Field(i).Name)
		}
	}
	if back := got.full(); !reflect.DeepEqual(policiesOf(&back), policiesOf(&spec)) || back.Name != spec.Name || back.Labels["a"] != "b" {
		t.Errorf("%+v\nwant %+v", back, spec)
	}
}

func TestPoliciesAreSharedWhereTheyAreEqual(t *testing.T) {
	var c specs
	specOf := func(name string, retries uint32) *Spec {
		return &Spec{Name: name, Restart: RestartPolicy{MaxRetries: retries}}
	}
	a, b, other, again := c.compact(specOf("a", 1)), c.compact(specOf("b", 1)), c.compact(specOf("c", 2)), c.compact(specOf("d", 1))
	if a.policies != b.policies {
		t.Error("equal policies are not shared")
	}
	if other.Restart.MaxRetries != 2 || a.Restart.MaxRetries != 1 || again.Restart.MaxRetries != 1 {
		t.Errorf("retries %d, %d, %d: another task's policies", other.Restart.MaxRetries, a.Restart.MaxRetries, again.Restart.MaxRetries)
	}
	if a.Name != "a" || b.Name != "b" {
		t.Errorf("names %q, %q", a.Name, b.Name)
	}
}
