package exec

import (
	"fmt"
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
	sweep(id, time.Now().Add(sweepPatience))
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

func TestSweepGivesUpAtTheDeadline(t *testing.T) {
	id := newGuardID()
	cmd, ended := sleeper(t, guardVar+"="+id)
	sweep(id, time.Time{})
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
	if v := judge(os.Getpid(), id); v != innocent {
		t.Errorf("verdict %d on this process", v)
	}
	if v := judge(1<<30, id); v != innocent {
		t.Errorf("verdict %d on no process", v)
	}
	if v := judge(2, id); v != innocent { // has no memory, if there is one at all
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
	if v := judge(cmd.Process.Pid, id); v == guilty {
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
