//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/server/servertest"
)

var (
	chaosDuration = flag.Duration("chaos.duration", 5*time.Second, "for how long TestChaos makes trouble")
	chaosSeed     = flag.Uint64("chaos.seed", 0, "play this seed; 0: a new one. The order of what happens is up to the system all the same")
)

const (
	chaosCallers  = 64
	chaosPermits  = 200                     // fewer than there are tasks at times
	chaosPatience = 5 * time.Minute         // for all that comes after the trouble
	chaosHang     = 60 * time.Second        // a call that takes longer is one that hangs
	chaosMemory   = "GOMEMLIMIT=48MiB"      // what the garbage collector of the daemon aims at
	chaosTokens   = "tokens-of-chaos-"      // followed by the name
	chaosFlicker  = chaosTokens + "flicker" // comes and goes
)

// TestChaos makes trouble of all kinds for a daemon while 64 callers judge every answer. Each caller knows which of its tasks have to exist; at the
// end those are listed, and no others of its. Once all is removed and everybody has left, the daemon has the same files open and the same
// goroutines as one to which next to nothing has happened, and all its permits.
//
// The goroutines are those that a Go program prints when SIGQUIT ends it, so the daemon is the one that people get, without anything added.
func TestChaos(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer func() {
		if t.Failed() {
			t.Logf("again: make chaos MINUTES=%.1f CHAOS_SEED=%d", chaosDuration.Minutes(), seed)
		}
	}()
	baseline := startChaos(t, seed)
	baseline.warmUp(t)
	calmFiles := baseline.settledFiles(t, nil)
	calm := baseline.goroutines(t)

	c := startChaos(t, seed)
	c.warmUp(t)
	c.storm(t)
	c.checkTasks(t)
	c.removeAll(t)
	c.checkPermits(t)
	c.report(t, seed)
	c.hangUp()
	if files := c.settledFiles(t, calmFiles); files != nil {
		t.Errorf("open files\n%s\nwhere a daemon without trouble has\n%s", describe(files), describe(calmFiles))
	}
	c.checkLog(t)
	if left := c.goroutines(t); !sameCounts(left, calm) {
		t.Errorf("goroutines\n%s\nwhere a daemon without trouble has\n%s", describe(left), describe(calm))
	}
}

// chaos is a daemon in trouble.
type chaos struct {
	*daemon
	seed    uint64
	dir     string
	socket  string
	ca      *servertest.CA
	callers []*chaosCaller
	times   chaosTimes
	limited disturbance // fewer files than needed, or stopped altogether
}

func startChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{seed: seed, dir: t.TempDir(), ca: servertest.NewCA(t)}
	c.socket = filepath.Join(c.dir, "s")
	c.putCertificate(t)
	c.putTokens(t, true)
	p := startCommandFor(t, *chaosDuration+2*chaosPatience, chaosLines, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, bin.daemon, "--listen=127.0.0.1:0", "--socket="+c.socket, "--tls-cert=daemon.crt", "--tls-key=daemon.key",
			"--auth-tokens=tokens.yaml", "--exec-allow=sh,sleep,true", fmt.Sprintf("--max-concurrent=%d", chaosPermits), "--max-tasks=2000", "--event-buffer=256")
		cmd.Dir = c.dir
		cmd.Env = append(cmd.Environ(), chaosMemory)
		return cmd
	})
	line, _, ok := p.stderr.find(0, ready.MatchString)
	if !ok {
		t.Fatalf("the daemon does not become ready:\n%s", p.output())
	}
	c.daemon = &daemon{process: p, addr: ready.FindStringSubmatch(line)[1]}
	for i := range chaosCallers {
		c.callers = append(c.callers, newChaosCaller(t, c, i))
	}
	return c
}

// event is a line of the log about an event, of which there are too many to keep.
var event = regexp.MustCompile(`^\S+ [A-Z]+ +[A-Z_]{5,} `)

// chaosLines keeps what is not about an event or a call that was refused.
func chaosLines(line string) bool {
	return ready.MatchString(line) || !event.MatchString(line) && !strings.Contains(line, " finished call")
}

// warmUp has everything done once that leaves something open for good, such as the guardian of processes.
func (c *chaos) warmUp(t *testing.T) {
	t.Helper()
	for _, caller := range []*chaosCaller{c.callers[0], c.callers[chaosOverSocket]} {
		if err := caller.warmUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, caller := range []*chaosCaller{c.callers[0], c.callers[chaosOverSocket]} {
		caller.close()
		caller.dial()
	}
}

// storm has everybody do their work until the time is over.
func (c *chaos) storm(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), *chaosDuration)
	defer cancel()
	var all sync.WaitGroup
	for _, caller := range c.callers {
		all.Go(func() { caller.run(ctx) })
	}
	for i, trouble := range troubles {
		random := rand.New(rand.NewPCG(c.seed, uint64(chaosCallers+i)))
		all.Go(func() { trouble(ctx, t, c, random) })
	}
	all.Wait()
}

// hangUp closes all connections.
func (c *chaos) hangUp() {
	for _, caller := range c.callers {
		caller.close()
	}
}

// checkLog looks for what only the log tells.
func (c *chaos) checkLog(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(c.stderr.String()) {
		if strings.Contains(line, "internal error") || strings.Contains(line, "panic in a call") || strings.Contains(line, "cannot go on") {
			t.Errorf("the log has %s", line)
		}
		if strings.Contains(line, chaosTokens) {
			t.Errorf("a token is in the log: %s", line)
		}
	}
}

func (c *chaos) report(t *testing.T, seed uint64) {
	t.Helper()
	var sum chaosCounts
	for _, caller := range c.callers {
		sum.add(&caller.counts)
	}
	t.Logf("seed %d, %s: %s", seed, *chaosDuration, &sum)
	t.Logf("AddTask: %s", &c.times)
	t.Logf("memory: %.1f MiB resident, with %s", residentOf(t, c.cmd.Process.Pid), chaosMemory)
}

// goroutines ends the daemon and returns how many goroutines it had, by the function that started them.
func (c *chaos) goroutines(t *testing.T) map[string]int {
	t.Helper()
	c.signal(t, syscall.SIGQUIT)
	<-c.ended
	found := map[string]int{}
	for line := range strings.Lines(c.stderr.String()) {
		if function, ok := strings.CutPrefix(line, "created by "); ok {
			function, _, _ = strings.Cut(strings.TrimSpace(function), " in goroutine ")
			if !strings.HasPrefix(function, "runtime.") { // the garbage collector and the like
				found[function]++
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("the daemon has printed no goroutines")
	}
	return found
}
