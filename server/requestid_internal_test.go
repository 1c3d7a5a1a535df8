package server

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// A panic in the first of several requests is the end of all of them, and of nothing else: a later one is judged afresh.
func TestAnswersSurviveAPanic(t *testing.T) {
	r := newAnswers(10)
	key := answerKey{"", "1"}
	a, first, err := r.claim(key, digest{})
	joined, second, _ := r.claim(key, digest{})
	if !first || second || a != joined || err != nil {
		t.Fatalf("%t, %t, %v", first, second, err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = r.lead(context.Background(), a, func(context.Context) (*pb.Task, error) { panic("boom") })
	}()
	if _, err := joined.join(context.Background()); !errors.Is(err, errUnanswered) {
		t.Errorf("joined: %v", err)
	}
	if _, first, _ := r.claim(key, digest{}); !first {
		t.Error("the id is taken")
	}
}

// Ids of different principals have nothing to do with each other.
func TestAnswersAreOfOnePrincipal(t *testing.T) {
	r := newAnswers(10)
	for _, principal := range []string{"alice", "bob"} {
		if _, first, err := r.claim(answerKey{principal, "1"}, digest{principal[0]}); !first || err != nil {
			t.Errorf("%s: %t, %v", principal, first, err)
		}
	}
}

// "One answer takes about half a KiB."
func TestAnswersTakeLittleMemory(t *testing.T) {
	const n, limit = 20_000, 800
	task := taskToWire(&supervisor.Snapshot{
		Spec: supervisor.Spec{Name: "a-task-of-some-name"}, UID: supervisor.UID{1}, State: supervisor.StateWaiting, Slot: "a-task-of-some-name",
		Sequence: 1 << 40, Generation: 1,
	})
	r := newAnswers(n)
	before := heap()
	for i := range n + 100 {
		a, _, err := r.claim(answerKey{"", fmt.Sprintf("01975a4e-0000-7000-8000-%012d", i)}, digest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.lead(context.Background(), a, func(context.Context) (*pb.Task, error) { return task, nil }); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / n
	t.Logf("%d bytes each", each)
	if len(r.byKey) != n || len(r.given) != n || each > limit {
		t.Errorf("%d and %d answers of %d bytes", len(r.byKey), len(r.given), each)
	}
	runtime.KeepAlive(r)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
