package exec

import (
	"fmt"
	"log/slog"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sleeper starts a process with a variable in its environment, which is "" for none at all. It returns how it ended.
func sleeper(t *testing.T, variable string) (cmd *osexec.Cmd, ended <-chan string) {
	t.Helper()
	cmd = osexec.Command("sleep", "1000")
	cmd.Env = []string{variable}
	if variable == "" {
		cmd = osexec.Command("env", "-i", "sleep", "1000")
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ch := make(chan string, 1)
	go func() { ch <- fmt.Sprint(cmd.Wait()) }()
	return cmd, ch
}

func TestSweepKillsTheMarkedAndNobodyElse(t *testing.T) {
	id := newGuardID()
	var others []*osexec.Cmd
	var ends []<-chan string
	for _, variable := range []string{"", guardVar + "=" + newGuardID(), guardianVar + "=" + id} {
		cmd, ended := sleeper(t, variable)
		others, ends = append(others, cmd), append(ends, ended)
	}
	_, first := sleeper(t, guardVar+"="+id)
	_, second := sleeper(t, guardVar+"="+newGuardID()+","+id)
	sweep(wanted{id: id}, time.Now().Add(sweepPatience))
	for _, ended := range []<-chan string{first, second} {
		if end := <-ended; end != "signal: killed" {
			t.Errorf("marked, and ended with %s", end)
		}
	}
	for i, cmd := range others {
		if len(ends[i]) > 0 {
			t.Errorf("%s %q is dead", cmd, cmd.Env)
			continue
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-ends[i]
	}
}

// A command that runs before the daemon can tell of its group is known by the pipes for its output.
func TestSweepKillsThoseWhoHaveAPipeOpen(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	inode, ok := inodeOf(w)
	if !ok {
		t.Fatal("the pipe has no number")
	}
	bystander, bystanderEnded := sleeper(t, "")
	holder := osexec.Command("env", "-i", "sleep", "1000")
	holder.Stdout = w
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close() // this process has it open too
	sweep(wanted{newGuardID(), map[uint64]struct{}{inode: {}}, 0}, time.Now().Add(sweepPatience))
	if err := holder.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("has the pipe open, and ended with %v", err)
	}
	if len(bystanderEnded) > 0 {
		t.Error("a bystander is dead")
	}
	if err := bystander.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-bystanderEnded
}

// The daemon is killed after it has started a command and before it could tell of its group; what the command has started has no mark.
func TestACommandIsGuardedFromTheMomentOfItsStart(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	inode, ok := inodeOf(w)
	if !ok {
		t.Fatal("the pipe has no number")
	}
	g := NewGuard()
	g.watch(slog.New(make(newsroom, 10)))
	g.expect([]uint64{inode})
	child := osexec.Command("env", "-i", "sleep", "1000")
	child.Stderr = w
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	g.Close() // this process has the other end of the pipe open, and is none of those to be killed
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("ended with %v", err)
	}
}

func TestSweepGivesUpAtTheDeadline(t *testing.T) {
	id := newGuardID()
	cmd, ended := sleeper(t, guardVar+"="+id)
	sweep(wanted{id: id}, time.Time{})
	if len(ended) > 0 {
		t.Error("killed after the deadline")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-ended
}

// Kernels before 5.3 have no pidfd, and sandboxes may forbid it.
func TestWithoutPidfdANumberHasToDo(t *testing.T) {
	id := newGuardID()
	cmd, ended := sleeper(t, guardVar+"="+id)
	unsure := suspect{pid: cmd.Process.Pid, pidfd: -1}
	unsure.kill()
	awaitGone([]suspect{unsure})
	if len(ended) > 0 {
		t.Error("killed without being sure")
	}
	suspect{pid: cmd.Process.Pid, pidfd: -1, sure: true}.kill()
	<-ended
}

func TestJudge(t *testing.T) {
	id := newGuardID()
	if v := judge(os.Getpid(), wanted{id: id}); v != innocent {
		t.Errorf("verdict %d on this process", v)
	}
	if v := judge(1<<30, wanted{id: id}); v != innocent {
		t.Errorf("verdict %d on no process", v)
	}
	if v := judge(2, wanted{id: id}); v != innocent { // has no memory, if there is one at all
		t.Errorf("verdict %d on a thread of the kernel", v)
	}
	cmd, ended := sleeper(t, "")
	for name := ""; name != "sleep\n"; { // env starts it
		comm, err := os.ReadFile(procFile(cmd.Process.Pid, "comm"))
		if err != nil {
			t.Fatal(err)
		}
		name = string(comm)
	}
	if v := judge(cmd.Process.Pid, wanted{id: id}); v == guilty {
		t.Error("guilty without an environment")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestBetweenImages(t *testing.T) {
	stat := func(state, vsize, envEnd string) string {
		fields := make([]string, 50)
		for i := range fields {
			fields[i] = strconv.Itoa(i)
		}
		fields[statState], fields[statVsize], fields[statEnvEnd] = state, vsize, envEnd
		return "4711 (a name) with) brackets) " + strings.Join(fields, " ")
	}
	for text, want := range map[string]bool{
		stat("R", "1000", "0"):      true,
		stat("D", "1000", "0"):      true,
		stat("S", "1000", "2000"):   false, // an empty environment is one
		stat("S", "0", "0"):         false, // a thread of the kernel
		stat("Z", "0", "0"):         false,
		stat("X", "1000", "0"):      false,
		"":                          false,
		"4711 (cut) R 1":            false,
		stat("R", "1000", "0")[:30]: false,
	} {
		if got := betweenImages([]byte(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if betweenImages(own) {
		t.Errorf("this process is between two images: %s", own)
	}
}
