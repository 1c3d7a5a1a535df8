package supervisor

import (
	"context"
	"strings"
	"testing"
	"time"
)

// waitsDeaf is a function that a stack is to name.
func waitsDeaf(release <-chan struct{}) { <-release }

func TestGraceExceededSaysWhereTheBodyIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Grace: time.Second})
		release := make(chan struct{})
		r.addBody("other", hangs())
		r.add(Once("stuck", TaskFunc(func(context.Context) error {
			waitsDeaf(release)
			return nil
		})))
		r.sleepUntil(time.Second)
		if _, err := r.Remove(context.Background(), ByName("stuck"), 0); err == nil {
			t.Fatal("the stuck task was removed")
		}
		close(release)
		var reason string
		for _, e := range r.events() {
			if e.Kind == GraceExceeded {
				reason = e.Reason
			}
		}
		want := "the body did not return within 1s of its cancellation; it is at supervisor.waitsDeaf (stack_test.go:11) < supervisor."
		if !strings.HasPrefix(reason, want) || strings.Contains(reason, "runBody") {
			t.Errorf("reason %q does not begin with %q", reason, want)
		}
	})
}

func TestStacksOfManyBodiesAreToldApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		release := make(chan struct{})
		deaf := map[UID]bool{}
		for i := range 200 {
			name := "t" + strings.Repeat("x", i%100) + string(rune('a'+i/100))
			if i%2 == 0 {
				snap := r.add(Once(name, TaskFunc(func(context.Context) error { waitsDeaf(release); return nil })))
				deaf[snap.UID] = true
			} else {
				r.addBody(name, hangs())
			}
		}
		r.sleepUntil(time.Second)
		stacks := bodyStacks()
		if len(stacks) != 200 {
			t.Errorf("%d stacks of 200 bodies", len(stacks))
		}
		for uid, stack := range stacks {
			if got := strings.Contains(stack, "waitsDeaf"); got != deaf[uid] {
				t.Errorf("the body of %s is at %s", uid, stack)
			}
		}
		close(release)
	})
}

// Nobody stops a world of very many goroutines to look at their stacks.
func TestStacksOfTooManyAreNotLookedAt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		for range maxStackGoroutines {
			go waitsDeaf(release)
		}
		if stacks := bodyStacks(); stacks != nil {
			t.Errorf("%d stacks", len(stacks))
		}
		close(release)
	})
}

func TestParseStacks(t *testing.T) {
	const dump = `goroutine 1 [running]:
main.main()
	/x/main.go:1 +0x1

goroutine 7 [chan receive, 5 minutes]:
example.com/a/b.(*T).wait(0xc000, {0x1, 0x2})
	/x/b/wait.go:12 +0x2c
example.com/a/b.Map[...](...)
	/x/b/map.go:3
github.com/taskvisor/taskvisor/supervisor.runBody({0x19a2b3c4d5e67f8, 0x8123456789abcdef}, 0xc000)
	/x/stack.go:40 +0x1
created by somebody
	/x/y.go:1 +0x2

goroutine 8 [select]:
github.com/taskvisor/taskvisor/supervisor.runBody({oops
	/x/stack.go:40 +0x1
cut of`
	got := parseStacks([]byte(dump))
	uid, err := ParseUID("019a2b3c-4d5e-67f8-8123-456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	if want := "b.(*T).wait (wait.go:12) < b.Map[...] (map.go:3)"; len(got) != 1 || got[uid] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
