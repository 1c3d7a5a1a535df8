package client_test

import (
	"fmt"
	"slices"
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

func TestListGoesThroughAllPages(t *testing.T) {
	f, c := newFake(t)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("task-%d", i))
	}
	add(t, c, want...)
	for _, tt := range []struct {
		size  int32
		pages int
	}{{0, 1}, {1, 7}, {3, 3}, {7, 1}, {100, 1}} {
		f.pages = 0
		var got []string
		for task, err := range c.List(t.Context(), &pb.ListTasksRequest{PageSize: tt.size}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, task.GetName())
		}
		if !slices.Equal(got, want) {
			t.Errorf("page size %d: got %q, want %q", tt.size, got, want)
		}
		if f.pages != tt.pages {
			t.Errorf("page size %d: %d calls, want %d", tt.size, f.pages, tt.pages)
		}
	}
}

func TestListBeginsAtThePageOfTheRequest(t *testing.T) {
	_, c := newFake(t)
	add(t, c, "a", "b", "c")
	var got []string
	for task, err := range c.List(t.Context(), &pb.ListTasksRequest{PageSize: 1, PageToken: "1"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, task.GetName())
	}
	if want := []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestListFetchesNoPageThatTheLoopDoesNotReach(t *testing.T) {
	f, c := newFake(t)
	add(t, c, "a", "b", "c")
	for _, err := range c.List(t.Context(), &pb.ListTasksRequest{PageSize: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if f.pages != 1 {
		t.Errorf("%d calls, want 1", f.pages)
	}
}

func TestEachLoopMakesCallsOfItsOwn(t *testing.T) {
	_, c := newFake(t)
	tasks := c.List(t.Context(), nil)
	for n := range 3 {
		seen := 0
		for _, err := range tasks {
			if err != nil {
				t.Fatal(err)
			}
			seen++
		}
		if seen != n {
			t.Errorf("loop %d saw %d tasks", n, seen)
		}
		add(t, c, fmt.Sprint("task-", n))
	}
}

func TestPluginsGoesThroughAllPages(t *testing.T) {
	f, c := newFake(t)
	var got []string
	for plugin, err := range c.Plugins(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, plugin.GetName())
	}
	if want := []string{"exec", "sleep"}; !slices.Equal(got, want) || f.pages != 2 {
		t.Errorf("got %q in %d calls, want %q in 2", got, f.pages, want)
	}
}
