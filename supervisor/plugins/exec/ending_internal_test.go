//go:build unix

package exec

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

func TestResult(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	lost := errors.New("lost")
	for name, test := range map[string]struct {
		end      ending
		want     string // "" for nil
		code     int    // 0 for none
		canceled bool
	}{
		"success":                      {end: ending{code: 0}},
		"failure":                      {end: ending{code: 3}, want: "exit status 3: oops", code: 3},
		"signal":                       {end: ending{code: -1, signal: syscall.SIGSEGV}, want: "killed by SIGSEGV: oops"},
		"core dumped":                  {end: ending{code: -1, signal: syscall.SIGSEGV, dumped: true}, want: "killed by SIGSEGV (core dumped): oops"},
		"real-time signal":             {end: ending{code: -1, signal: 40}, want: "killed by signal 40: oops"},
		"SIGKILL of somebody else":     {end: ending{code: -1, signal: syscall.SIGKILL}, want: "killed by SIGKILL: oops"},
		"SIGKILL before the grace":     {end: ending{code: -1, signal: syscall.SIGKILL, sent: syscall.SIGTERM}, want: "killed by SIGKILL: oops"},
		"canceled, success":            {end: ending{code: 0, sent: syscall.SIGTERM}, want: "context canceled", canceled: true},
		"canceled, SIGTERM":            {end: ending{code: -1, signal: syscall.SIGTERM, sent: syscall.SIGTERM}, want: "context canceled", canceled: true},
		"canceled, 143":                {end: ending{code: 143, sent: syscall.SIGTERM}, want: "context canceled", canceled: true},
		"canceled, obeys late":         {end: ending{code: 0, sent: syscall.SIGKILL}, want: "context canceled", canceled: true},
		"canceled, failure":            {end: ending{code: 7, sent: syscall.SIGTERM}, want: "exit status 7: oops", code: 7},
		"canceled, killed":             {end: ending{code: -1, signal: syscall.SIGKILL, sent: syscall.SIGKILL, grace: time.Second}, want: "killed, because it was still running 1s after SIGTERM: context canceled", canceled: true},
		"somebody else has reaped it":  {end: ending{lost: lost}, want: "how the command ended is unknown: lost"},
		"and that after it was killed": {end: ending{lost: lost, sent: syscall.SIGKILL}, want: "how the command ended is unknown: lost"},
	} {
		err := test.end.result(canceled, "oops")
		text := ""
		if err != nil {
			text = err.Error()
		}
		code, hasCode := supervisor.ExitCodeOf(err)
		if text != test.want || code != test.code || hasCode != (test.code != 0) || errors.Is(err, context.Canceled) != test.canceled {
			t.Errorf("%s: error %v, exit code %d %t", name, err, code, hasCode)
		}
	}
}

// Once the process has been reaped, its number may belong to others: no signal is sent any more.
func TestNoSignalIsSentAfterTheReaping(t *testing.T) {
	cmd, ended := sleeperInGroup(t)
	c := &child{cmd: cmd, reaped: true}
	c.terminate()
	c.kill()
	if c.sent != 0 || c.timer != nil {
		t.Errorf("signal %v is said to have been sent", c.sent)
	}
	c.reaped = false
	c.kill()
	<-ended
}

func sleeperInGroup(t *testing.T) (cmd *osexec.Cmd, ended <-chan string) {
	t.Helper()
	cmd = osexec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ch := make(chan string, 1)
	go func() { ch <- fmt.Sprint(cmd.Wait()) }()
	return cmd, ch
}

func TestHowAProcessEndedThatSomebodyElseHasReapedIsUnknown(t *testing.T) {
	lost := errors.New("lost")
	c := &child{cmd: &osexec.Cmd{}}
	if end := c.ending(lost); !errors.Is(end.lost, lost) {
		t.Errorf("ending %+v", end)
	}
}

func TestStartErrorTellsOfADirectoryOnlyIfThatIsTheReason(t *testing.T) {
	cause := errors.New("cause")
	for dir, want := range map[string]string{"": "cause", t.TempDir(): "cause", "/no/such": "chdir /no/such: no such file or directory"} {
		c := &child{cmd: &osexec.Cmd{Dir: dir}}
		if err := c.startError(cause); err.Error() != want {
			t.Errorf("dir %q: %v, want %s", dir, err, want)
		}
	}
}
