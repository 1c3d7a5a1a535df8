package supervisor_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor"
)

// inSlot returns the spec of a task that wants a slot.
func inSlot(slot string, policy supervisor.AdmissionPolicy, name string, body supervisor.Task) supervisor.Spec {
	spec := supervisor.Once(name, body)
	spec.Admission = supervisor.Admission{Slot: slot, Policy: policy}
	return spec
}

// Two deployments to one target never run at the same time, whatever they are named.
func ExampleAdmission() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	finish := make(chan struct{})
	deploy := supervisor.TaskFunc(func(context.Context) error { <-finish; return nil })
	first, _ := s.Add(ctx, inSlot("production", supervisor.AdmitQueue, "deploy-v1", deploy))
	second, _ := s.Add(ctx, inSlot("production", supervisor.AdmitQueue, "deploy-v2", deploy))
	fmt.Println(first.State, second.State)

	_, err := s.Add(ctx, inSlot("production", supervisor.DropIfRunning, "smoke-test", deploy))
	fmt.Println(errors.Is(err, supervisor.ErrSlotBusy))

	close(finish)
	end, _ := s.Wait(ctx, supervisor.ByUID(second.UID))
	fmt.Println(end.Spec.Name, end.Outcome)
	// Output:
	// WAITING QUEUED
	// true
	// deploy-v2 COMPLETED
}

// A newer task takes the place of the one that runs, which has returned before the newer one starts.
func ExampleAdmission_replace() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	old, _ := s.Add(ctx, inSlot("sync", supervisor.AdmitReplace, "sync-1", untilCanceled))
	_, _ = s.Add(ctx, inSlot("sync", supervisor.AdmitReplace, "sync-2", untilCanceled))
	end, _ := s.Wait(ctx, supervisor.ByUID(old.UID))
	fmt.Println(end.Spec.Name, end.Outcome)
	fmt.Println(s.Slot("sync").State)
	// Output:
	// sync-1 CANCELED
	// OWNED
}

func ExampleSupervisor_PurgeSlot() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	_, _ = s.Add(ctx, inSlot("db", supervisor.AdmitQueue, "owner", untilCanceled))
	waiting, _ := s.Add(ctx, inSlot("db", supervisor.AdmitQueue, "waiting", untilCanceled))
	fmt.Println("rejected:", s.PurgeSlot("db"))
	end, _ := s.Wait(ctx, supervisor.ByUID(waiting.UID))
	fmt.Println(end.Outcome, "- the owner goes on:", s.Slot("db").State)
	// Output:
	// rejected: 1
	// REJECTED - the owner goes on: OWNED
}

func ExampleSupervisor_Rehearse() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	_, _ = s.Add(ctx, inSlot("db", supervisor.AdmitQueue, "owner", untilCanceled))
	state, err := s.Rehearse(inSlot("db", supervisor.AdmitQueue, "next", untilCanceled))
	fmt.Println(state, err)
	_, err = s.Rehearse(supervisor.Once("owner", untilCanceled))
	fmt.Println(errors.Is(err, supervisor.ErrTaskExists))
	// Output:
	// QUEUED <nil>
	// true
}

// A new version of a task takes the name once the old one has returned.
func ExampleSupervisor_Replace() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	v1, _ := s.Replace(ctx, supervisor.Restartable("web", untilCanceled)) // nobody has the name yet
	v2, err := s.Replace(ctx, supervisor.Restartable("web", untilCanceled))
	fmt.Println("generation", v2.Generation, err)

	old, _ := s.Get(supervisor.ByUID(v1.UID))
	fmt.Println(old.State, old.Outcome)
	holder, _ := s.Get(supervisor.ByName("web"))
	fmt.Println(holder.UID == v2.UID)
	// Output:
	// generation 2 <nil>
	// FINISHED CANCELED
	// true
}

func ExampleSupervisor_RehearseReplace() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	_, _ = s.Add(ctx, inSlot("db", supervisor.AdmitQueue, "owner", untilCanceled))
	_, _ = s.Add(ctx, supervisor.Once("report", untilCanceled))
	_, err := s.RehearseReplace(inSlot("db", supervisor.DropIfRunning, "report", untilCanceled))
	fmt.Println(errors.Is(err, supervisor.ErrSlotBusy))
	// Output:
	// true
}
