//go:build unix

package exec_test

import (
	"os"
	"os/user"
	"slices"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
)

// asOther returns a lab that runs a script as another user. Only root can; others see that it is refused.
func asOther(t *testing.T, user, script string) *lab {
	t.Helper()
	config := map[string]any{"command": []string{"sh", "-c", script}, "user": user}
	if os.Geteuid() != 0 {
		_, err := build(config)
		if err == nil || !strings.Contains(err.Error(), "is allowed, but the daemon") || !strings.Contains(err.Error(), "run the daemon as root") {
			t.Errorf("without being root: error %v", err)
		}
		t.Skip("only root can run commands as other users")
	}
	return newLab(t, config)
}

func TestACommandRunsAsItsUser(t *testing.T) {
	const script = `echo "$(id -u):$(id -g):$(id -G)"; echo "$HOME,${USER-none},${LOGNAME-none}"`
	for name, want := range map[string][2]string{
		"54321:23456": {"54321:23456:23456", "/,none,none"},
		"root:23456":  {"0:23456:23456", "/root,root,root"},
	} {
		l := asOther(t, name, script)
		l.expect("stdout", want[0])
		l.expect("stdout", want[1])
		l.wait()
	}
}

// A name stands for the user with all its groups, as the system knows them.
func TestANameStandsForAllItsGroups(t *testing.T) {
	account, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	l := asOther(t, "nobody", `echo "$(id -u):$(id -g):$HOME:$USER"; id -G | tr ' ' '\n' | sort -u | tr '\n' ' '; echo`)
	l.expect("stdout", account.Uid+":"+account.Gid+":"+account.HomeDir+":nobody")
	groups, err := account.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	groups = append(groups, account.Gid)
	slices.Sort(groups)
	l.expect("stdout", strings.Join(slices.Compact(groups), " ")+" ")
	l.wait()
}

func TestAUserThatIsNotThereIsAFailureThatSaysWho(t *testing.T) {
	for name, want := range map[string]string{
		"noone-here":      `cannot run "sh" as user "noone-here": user: unknown user noone-here`,
		"54321":           `cannot run "sh" as user "54321": user: unknown userid 54321`,
		"root:noone-here": `cannot run "sh" as user "root:noone-here": group: unknown group noone-here`,
	} {
		snap := asOther(t, name, "true").wait()
		if reason, _, hasCode := failure(t, snap); reason != want || hasCode {
			t.Errorf("reason %q, want %q", reason, want)
		}
	}
}

// The signals of a cancellation reach a process of another user.
func TestACommandOfAnotherUserIsStopped(t *testing.T) {
	for _, script := range []string{
		"echo ready; exec sleep 1000",
		"trap '' TERM; echo ready; sleep 1000 & wait; wait",
	} {
		path, opened := fifo(t)
		l := asOther(t, "54321:23456", `exec 9>"`+path+`"; `+script)
		l.expect("stdout", "ready")
		f := <-opened
		if snap := l.remove(); snap.Outcome != supervisor.OutcomeCanceled {
			t.Errorf("%s: outcome %s", script, snap.Outcome)
		}
		expectEOF(t, f)
	}
}
