package supervisor

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// selfPanic is an error whose text panics with the error itself. Package fmt survives the first panic, and gives up on the nested one.
type selfPanic struct{}

func (e selfPanic) Error() string { panic(e) }

// isPanics is an error that cannot be compared with context.DeadlineExceeded.
type isPanics struct{}

func (isPanics) Error() string { return "is panics" }
func (isPanics) Is(target error) bool {
	if target == context.DeadlineExceeded {
		panic("is panics")
	}
	return false
}

// isCalls is an error that asks the supervisor when it is compared.
type isCalls struct {
	s   *Supervisor
	uid UID
}

func (isCalls) Error() string { return "is calls" }
func (e isCalls) Is(error) bool {
	_, err := e.s.Get(ByUID(e.uid))
	return err != nil
}

// hostileProcess runs one hostile body, named by the environment, to see whether the process survives.
func hostileProcess() int {
	var random func() uint64
	if os.Getenv("CASE") == "random" {
		random = func() uint64 { return 0 }
	}
	s, err := New(Config{Timeout: 10 * time.Millisecond, Random: random, Backoff: BackoffPolicy{First: 1000, Max: 1000, Jitter: JitterFull}})
	if err != nil {
		return 2
	}
	spec := Restartable("t", TaskFunc(func(ctx context.Context) error {
		info, _ := Attempt(ctx)
		switch os.Getenv("CASE") {
		case "returned":
			return selfPanic{}
		case "panicked":
			panic(selfPanic{})
		case "is panics":
			<-ctx.Done()
			return isPanics{}
		case "is calls":
			<-ctx.Done()
			return isCalls{s, info.UID}
		}
		return io.EOF
	}))
	spec.Restart.MaxRetries = 2
	time.AfterFunc(3*time.Second, func() {
		fmt.Println("hangs")
		os.Exit(3)
	})
	fmt.Println("survived:", s.Run(context.Background(), spec) != nil)
	return 0
}

func mustSurvive(t *testing.T, hostile string) {
	t.Helper()
	if out, err := startProcess(t, "hostile", "CASE="+hostile); err != nil || out != "survived: true\n" {
		t.Errorf("the process: %v\n%.2000s", err, out)
	}
}

// Errors are code of the body too: whatever their methods do, it is the attempt that fails and not the process.
func TestHostileErrorsDoNotEndTheProcess(t *testing.T) {
	for _, hostile := range []string{"returned", "panicked", "is panics", "is calls"} {
		t.Run(hostile, func(t *testing.T) { mustSurvive(t, hostile) })
	}
}

// A source of random bits that is constant gives constant jitter, and nothing waits for it to change.
func TestConstantRandomDoesNotHang(t *testing.T) { mustSurvive(t, "random") }
