package server

import (
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// WatchEvents is the only stream of the service, so that the handler of all streams is its handler.
func TestTheServiceHasOneStream(t *testing.T) {
	desc := new(Server).supervisorService()
	if len(desc.Streams) != 1 || desc.Streams[0].StreamName != "WatchEvents" || !desc.Streams[0].ServerStreams || desc.Streams[0].ClientStreams {
		t.Errorf("streams %+v", desc.Streams)
	}
	if pb.SupervisorService_ServiceDesc.Streams[0].Handler == nil {
		t.Error("the generated description was changed")
	}
}
