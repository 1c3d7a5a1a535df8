package server

import (
	"strings"
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

func sampleToken() pageToken {
	return pageToken{
		Query: "0123456789abcdef", Cursor: supervisor.Cursor{Epoch: "00dc6acf-ac00-7001-9b37-9104bbd08f17", Sequence: 1<<64 - 1},
		Name: strings.Repeat("n", supervisor.MaxNameLength), UID: supervisor.UID{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
	}
}

func TestPageTokensSurviveTheRoundTrip(t *testing.T) {
	for _, want := range []pageToken{{}, sampleToken()} {
		text := want.String()
		if len(text) > maxTokenBytes {
			t.Errorf("a token of %d bytes", len(text))
		}
		if got, err := parsePageToken(text); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
}

// The digest is about all fields but those of the page, and about the method.
func TestQueryDigest(t *testing.T) {
	base := queryDigest(&pb.ListTasksRequest{})
	same := queryDigest(&pb.ListTasksRequest{PageSize: 7, PageToken: "x"})
	if base != same {
		t.Error("the page makes a difference")
	}
	for _, other := range []pageRequest{
		&pb.ListTasksRequest{IncludeFinished: true},
		&pb.ListTasksRequest{Filter: &pb.TaskFilter{}},
		&pb.ListTasksRequest{Filter: &pb.TaskFilter{Names: []string{"a"}}},
		&pb.ListTasksRequest{Filter: &pb.TaskFilter{LabelSelector: "a"}},
		&pb.ListPluginsRequest{},
	} {
		if queryDigest(other) == base {
			t.Errorf("%T %v makes no difference", other, other)
		}
	}
}

// FuzzPageToken: no text is taken for a token that this package has not made, or does harm.
func FuzzPageToken(f *testing.F) {
	f.Add(pageToken{}.String())
	f.Add(sampleToken().String())
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAA")
	f.Add(sampleToken().String() + "=")
	f.Add(sampleToken().String() + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := parsePageToken(text)
		if err != nil {
			if token != (pageToken{}) {
				t.Errorf("%q is refused and gives %v", text, token)
			}
			return
		}
		if token.String() != text {
			t.Errorf("%q is taken for %q", text, token)
		}
	})
}
