package client_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

var (
	stormChanges = flag.Int("storm.changes", 5_000, "how many changes TestFollowInAStorm has to be told")
	stormSeed    = flag.Uint64("storm.seed", 0, "play this seed; 0: a new one")
)

// TestFollowInAStorm kills and restarts the server, cuts connections, and lets the log turn over under a Follow, while tasks come and go. At each
// quiet point the view has to equal what the server lists, field by field; no event may come twice, and none may be missing that
// nothing was told of.
func TestFollowInAStorm(t *testing.T) {
	seed := *stormSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t, seed)
		for s.follow.count(client.ChangeEvent) < *stormChanges && !t.Failed() {
			s.round()
		}
		s.report(t)
		if t.Failed() {
			t.Logf("again: go test ./client -run TestFollowInAStorm -storm.seed %d", seed)
		}
	})
}

// storm is what happens to a world under a Follow.
type storm struct {
	t      *testing.T
	world  *world
	follow *following
	random *rand.Rand
	names  int
	past   uint64 // events of the servers before the present one

	rounds, cuts, kills, stops, turns, waits int
}

func newStorm(t *testing.T, seed uint64) *storm {
	w := newWorld(t, supervisor.Config{EventBuffer: 512, RetainedTasks: 20, SlotQueue: 3})
	s := &storm{t: t, world: w, random: rand.New(rand.NewPCG(seed, 0))}
	s.follow = follow(t.Context(), w.dial(), nil)
	synctest.Wait() // it has its first snapshot: a server that ends before that has no log that could change
	return s
}

// round lets a few things happen, and one that is bad, and compares once all is quiet.
func (s *storm) round() {
	s.rounds++
	s.some()
	switch s.random.IntN(10) {
	case 0:
		s.cuts++
		s.world.cut()
	case 1:
		s.cuts++
		s.world.cut()
		s.turn() // before the client is back
	case 2:
		s.waits++
		s.slowly(s.turn)
	case 3:
		s.kills++
		s.past += s.world.cursor()
		s.world.kill()
		s.world.start()
	case 4:
		s.stops++
		s.world.stop()
		s.past += s.world.cursor()
		s.world.start()
	}
	s.some()
	// The client comes back within seconds. The fraction makes it unlikely that something happens in the very moment of the comparison.
	time.Sleep(40*time.Second + time.Duration(s.random.IntN(1e9)))
	synctest.Wait()
	s.follow.expect(s.t, s.world.tasks())
}

// some adds and removes a few tasks, some of them all at once.
func (s *storm) some() {
	for range s.random.IntN(30) {
		if s.random.IntN(3) == 0 {
			synctest.Wait()
		}
		if live := s.world.tasks(); len(live) > 40 || len(live) > 0 && s.random.IntN(3) == 0 {
			s.remove(live[s.random.IntN(len(live))])
		} else {
			s.add()
		}
	}
}

// turn makes more events than the log keeps.
func (s *storm) turn() {
	s.turns++
	for range 120 { // of six events each
		s.world.add("", servertest.Succeed)
	}
	synctest.Wait()
}

// slowly does something while the loop over Follow stands still.
func (s *storm) slowly(do func()) {
	gate := make(chan struct{})
	s.follow.mu.Lock()
	s.follow.gate = gate
	s.follow.mu.Unlock()
	for range 5 { // what is on its way in buffers does not get lost
		do()
	}
	s.follow.mu.Lock()
	s.follow.gate = nil
	s.follow.mu.Unlock()
	close(gate)
}

func (s *storm) add() {
	s.names++
	bodies := []string{servertest.Succeed, servertest.Fail, servertest.Panic, servertest.Wait, servertest.Wait}
	spec := servertest.Spec(fmt.Sprintf("task/%d", s.names), bodies[s.random.IntN(len(bodies))])
	switch s.random.IntN(4) {
	case 0:
		spec.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ALWAYS, Interval: durationpb.New(s.seconds(20))}
	case 1:
		spec.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ON_FAILURE, MaxRetries: uint32(s.random.IntN(5))}
	}
	if s.random.IntN(4) == 0 {
		spec.Timeout = durationpb.New(s.seconds(10))
	}
	if s.random.IntN(3) == 0 {
		spec.Backoff = &pb.BackoffPolicy{First: durationpb.New(s.seconds(3)), ResetAfter: durationpb.New(s.seconds(5))}
	}
	if s.random.IntN(3) == 0 {
		spec.Admission = &pb.Admission{Slot: fmt.Sprintf("slot/%d", s.random.IntN(3)), Policy: pb.AdmissionPolicy(s.random.IntN(4))}
	}
	_, err := s.world.server.Tasks.AddTask(s.t.Context(), &pb.AddTaskRequest{Task: spec})
	if err != nil && !client.IsSlotBusy(err) && !client.IsQueueFull(err) {
		s.t.Error(err)
	}
}

// seconds returns a duration of up to so many seconds.
func (s *storm) seconds(n int) time.Duration {
	return time.Duration(1 + s.random.Int64N(int64(n)*int64(time.Second)))
}

// remove removes a task that may be gone by now.
func (s *storm) remove(task *pb.Task) {
	_, err := s.world.server.Tasks.RemoveTask(s.t.Context(), &pb.RemoveTaskRequest{Name: task.GetName(), AllowMissing: true})
	if err != nil {
		s.t.Error(err)
	}
}

func (s *storm) report(t *testing.T) {
	s.follow.mu.Lock()
	defer s.follow.mu.Unlock()
	kinds := s.follow.kinds
	t.Logf("%d events; %d rounds with %d cuts, %d kills, %d shutdowns, %d times more events than the log keeps, %d slow readers: "+
		"told were %d events, %d snapshots, %d gaps, %d epochs, %d refreshed tasks",
		s.past+s.world.cursor(), s.rounds, s.cuts, s.kills, s.stops, s.turns, s.waits,
		kinds[client.ChangeEvent], kinds[client.ChangeSynced], kinds[client.ChangeGap], kinds[client.ChangeEpoch], kinds[client.ChangeRefreshed])
	if kinds[client.ChangeEpoch] != s.kills+s.stops {
		t.Errorf("%d changes of the epoch were told, there were %d", kinds[client.ChangeEpoch], s.kills+s.stops)
	}
	if s.turns > 0 && kinds[client.ChangeGap] == 0 {
		t.Error("no gap was told")
	}
}
