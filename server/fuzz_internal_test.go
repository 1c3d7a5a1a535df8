package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// fuzzed is a server to which one request after the other is sent, as bytes. It has the live task "live" and the finished one "ended".
type fuzzed struct {
	*Server
	token string // of the second page of its tasks
}

// newFuzzed returns the server, and adds the requests, which are JSON, to the seeds.
func newFuzzed[M any, P interface {
	*M
	proto.Message
}](f *testing.F, seeds ...string) *fuzzed {
	f.Helper()
	s := &fuzzed{Server: newTestServer(f, supervisor.Config{Grace: time.Minute, RetainedTasks: 1})}
	f.Cleanup(func() { _ = s.sup.Shutdown(context.Background()) })
	if _, err := s.AddTask(context.Background(), &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "ended", Plugin: "any"}, RequestId: "ended"}); err != nil {
		f.Fatal(err)
	}
	s.remove(f, "ended")
	s.rest(f)
	page, err := s.ListTasks(context.Background(), &pb.ListTasksRequest{PageSize: 1, IncludeFinished: true})
	if err != nil {
		f.Fatal(err)
	}
	s.token = page.GetNextPageToken()
	for _, seed := range seeds {
		req := P(new(M))
		seed = strings.NewReplacer("$TOKEN", s.token, "$EPOCH", s.sup.Cursor().Epoch).Replace(seed)
		if err := protojson.Unmarshal([]byte(seed), req); err != nil {
			f.Fatalf("%s: %v", seed, err)
		}
		f.Add(must(proto.Marshal(req)))
	}
	return s
}

// rest brings the server back to where it began: the task "live" runs, as it was first added, and nothing more happens by itself.
func (s *fuzzed) rest(t testing.TB) {
	t.Helper()
	for {
		snap, err := s.sup.Get(supervisor.ByName("live"))
		switch {
		case err != nil:
			if _, err := s.AddTask(context.Background(), &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "live", Plugin: "any"}}); err != nil {
				t.Fatal(err)
			}
		case proto.Size(snap.Spec.Task.(*body).spec) != proto.Size(&pb.TaskSpec{Name: "live", Plugin: "any"}) || snap.Canceled || snap.State == supervisor.StateQueued:
			s.remove(t, "live")
		case snap.State == supervisor.StateRunning:
			return
		default:
			s.await(t, supervisor.Cursor{Epoch: s.sup.Cursor().Epoch, Sequence: snap.Sequence})
		}
	}
}

func (s *fuzzed) remove(t testing.TB, name string) {
	t.Helper()
	if _, err := s.sup.Remove(context.Background(), supervisor.ByName(name), 0); err != nil && !errors.Is(err, supervisor.ErrTaskNotFound) {
		t.Fatal(err)
	}
}

// await waits for an event after the cursor.
func (s *fuzzed) await(t testing.TB, after supervisor.Cursor) {
	t.Helper()
	reader := must(s.sup.Read(after))
	defer reader.Close()
	if _, _, err := reader.Next(context.Background(), make([]supervisor.Event, 1)); err != nil {
		t.Fatal(err)
	}
}

// refused checks a refusal: it is one that can be sent and says why, and nothing has changed since the log was at before.
func (s *fuzzed) refused(t *testing.T, err error, before supervisor.Cursor) {
	t.Helper()
	st, reason := status.Convert(err), reasonOf(status.Convert(err))
	if size := proto.Size(st.Proto()); st.Message() == "" || reason == "" || reason == reasonName(pb.ErrorReason_ERROR_REASON_INTERNAL) || size > maxStatusBytes {
		t.Errorf("refused with %v, %d bytes", st, size)
	}
	if after := s.sup.Cursor(); after != before && reason != "SLOT_BUSY" && reason != "QUEUE_FULL" { // of which there is a record
		t.Errorf("%v, but the log went on from %v to %v", err, before, after)
	}
}

// FuzzAddTask: whatever the bytes, a request is refused and changes nothing, or there is a task with the spec that was given.
func FuzzAddTask(f *testing.F) {
	s := newFuzzed[pb.AddTaskRequest](f, addSeeds...)
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.AddTaskRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		given, before := proto.CloneOf(&req), s.sup.Cursor()
		resp, err := s.AddTask(t.Context(), &req)
		if !proto.Equal(given, &req) {
			t.Errorf("the request became %v", &req)
		}
		if err != nil {
			s.refused(t, err, before)
			return
		}
		s.added(t, given, resp.GetTask())
	})
}

var addSeeds = []string{
	`{}`,
	`{"task":{}}`,
	`{"task":{"name":"a","plugin":"any"}}`,
	`{"task":{"plugin":"any","config":{"words":["x"]},"labels":{"a":"b"}},"validateOnly":true}`,
	`{"task":{"name":"a","plugin":"any","config":{"words":[1,null,{"a":[true]}],"x":"y","":1e300}}}`,
	`{"task":{"name":"a","plugin":"any","restart":{"mode":"RESTART_MODE_ALWAYS","interval":"1s","maxRetries":3,"limit":{"count":1,"window":"1s"}}}}`,
	`{"task":{"name":"a","plugin":"any","restart":{"mode":"RESTART_MODE_NEVER","interval":"1s","maxRetries":1,"limit":{}}}}`,
	`{"task":{"name":"a","plugin":"any","backoff":{"first":"0s","max":"1s","factor":2,"jitter":"JITTER_FULL","resetAfter":"0s"},"timeout":"0s"}}`,
	`{"task":{"name":"a","plugin":"any","backoff":{"first":"-1s","max":"0s","factor":"NaN","jitter":99,"resetAfter":"315576000000s"}}}`,
	`{"task":{"name":"?","plugin":"nope","timeout":"-1s","admission":{"slot":"x"}},"ifExists":"IF_EXISTS_KEEP","requestId":"1"}`,
	`{"task":{"name":"a","plugin":"any","admission":{"slot":"live","policy":"ADMISSION_POLICY_DROP_IF_RUNNING"}},"validateOnly":true}`,
	`{"task":{"name":"a","plugin":"any","admission":{"slot":"live","policy":"ADMISSION_POLICY_QUEUE"},"captureOutput":true}}`,
	`{"task":{"name":"live","plugin":"any"}}`,
	`{"task":{"name":"live","plugin":"any"},"ifExists":"IF_EXISTS_KEEP"}`,
	`{"task":{"name":"live","plugin":"any","restart":{},"config":{}},"ifExists":"IF_EXISTS_KEEP","validateOnly":true}`,
	`{"task":{"name":"live","plugin":"any","labels":{"a":"b","c/d":"e"},"timeout":"1s"},"ifExists":"IF_EXISTS_KEEP"}`,
	`{"task":{"name":"live","plugin":"any"},"ifExists":"IF_EXISTS_REPLACE"}`,
	`{"task":{"name":"live","plugin":"any","timeout":"5s"},"ifExists":"IF_EXISTS_REPLACE","requestId":"1"}`,
	`{"task":{"name":"live","plugin":"any"},"ifExists":"IF_EXISTS_REPLACE","validateOnly":true}`,
	`{"task":{"plugin":"any"},"ifExists":"IF_EXISTS_REPLACE"}`,
	`{"task":{"name":"ended","plugin":"any"},"requestId":"ended"}`,
	`{"task":{"name":"other","plugin":"any"},"requestId":"ended"}`,
	`{"task":{"name":"a","plugin":"any","admission":{"slot":"live","policy":"ADMISSION_POLICY_REPLACE"}}}`,
	`{"task":{"name":"a","plugin":"any","timeout":"0.000000001s","backoff":{"first":"0s"}},"requestId":"2"}`,
	`{"task":{"plugin":"any"},"requestId":"\t"}`,
	`{"task":{"plugin":"any","restart":{"schedule":"*/5 2-4 1,15 jan-mar mon","timeZone":"Europe/Berlin"}}}`,
	`{"task":{"plugin":"any","restart":{"schedule":"@daily","timeZone":"Local","interval":"1s"}},"validateOnly":true}`,
	`{"task":{"plugin":"any","restart":{"schedule":"61 * 30 2 *"}}}`,
	`{"task":{"name":"live","plugin":"any","restart":{"schedule":"@yearly","mode":"RESTART_MODE_NEVER"}},"ifExists":"IF_EXISTS_REPLACE"}`,
}

// added checks the answer to a request that was not refused, and makes room for the next one.
func (s *fuzzed) added(t *testing.T, req *pb.AddTaskRequest, task *pb.Task) {
	t.Helper()
	want := proto.CloneOf(req.GetTask())
	if want.GetName() == "" && supervisor.ValidName(task.GetName()) {
		want.Name = task.GetName()
	}
	if !proto.Equal(normalSpec(task.GetSpec()), normalSpec(want)) || task.GetName() != want.GetName() {
		t.Errorf("%v is answered with %v", req, task)
	}
	uid, err := supervisor.ParseUID(task.GetUid())
	if req.GetValidateOnly() {
		if err == nil && req.GetIfExists() != pb.IfExists_IF_EXISTS_KEEP {
			t.Errorf("a rehearsal has the uid %s", uid)
		}
		return
	}
	if err != nil || task.GetGeneration() == 0 || task.GetState() == 0 || task.GetCreateTime() == nil {
		t.Errorf("answer %v", task)
	}
	if task.GetName() != "live" {
		s.remove(t, task.GetName())
	}
	s.rest(t)
}

// FuzzRemoveTask: whatever the bytes, a request is refused and changes nothing, or the task that it names is finished, or it will be: its body has not
// returned within the grace period.
func FuzzRemoveTask(f *testing.F) {
	s := newFuzzed[pb.RemoveTaskRequest](f,
		`{}`,
		`{"name":"live"}`,
		`{"name":"live","gracePeriod":"1s"}`,
		`{"name":"live","gracePeriod":"0s"}`,
		`{"name":"live","gracePeriod":"0.000000001s"}`,
		`{"name":"gone","gracePeriod":"-1s","allowMissing":true}`,
		`{"name":"gone"}`,
		`{"name":"gone","allowMissing":true}`,
		`{"name":"a b","uid":"x","gracePeriod":"3601s"}`,
		`{"uid":"01975a4e-0000-7000-8000-000000000000"}`,
		`{"uid":"00000000-0000-0000-0000-000000000000","allowMissing":true}`,
		`{"uid":"{01975a4e-0000-7000-8000-00000000000}","gracePeriod":"315576000000.999999999s"}`,
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.RemoveTaskRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		before := s.sup.Cursor()
		resp, err := s.RemoveTask(t.Context(), &req)
		switch task := resp.GetTask(); {
		case reasonOf(status.Convert(err)) == reasonName(pb.ErrorReason_ERROR_REASON_TASK_STUCK) && req.GetGracePeriod() != nil:
			s.rest(t) // no refusal: a body needs some time to return, and was given less
		case err != nil:
			s.refused(t, err, before)
		case task == nil && !req.GetAllowMissing():
			t.Errorf("%v removes nothing", &req)
		case task != nil && (task.GetState() != pb.TaskState_TASK_STATE_FINISHED || req.GetName() != "" && task.GetName() != req.GetName()):
			t.Errorf("%v is answered with %v", &req, task)
		default:
			s.rest(t)
		}
	})
}

// FuzzListTasks: whatever the bytes, a request is refused, or the answer is a page of what there is, and nothing changes.
func FuzzListTasks(f *testing.F) {
	s := newFuzzed[pb.ListTasksRequest](f,
		`{}`,
		`{"includeFinished":true}`,
		`{"pageSize":1,"includeFinished":true,"pageToken":"$TOKEN"}`,
		`{"pageToken":"$TOKEN"}`,
		`{"pageToken":"$TOKEN="}`,
		`{"pageSize":-1,"pageToken":"x"}`,
		`{"pageSize":1001}`,
		`{"filter":{"names":["live","e*","[a-z]?","\\*"],"states":["TASK_STATE_RUNNING"],"uids":["01975a4e-0000-7000-8000-000000000000"]}}`,
		`{"filter":{"names":["","[","a\\"],"states":[99,0,7],"uids":["x",""]}}`,
		`{"filter":{"labelSelector":"a=b,c!=d,e in (f,g),h notin (i),j,!k"}}`,
		`{"filter":{"labelSelector":"a==,!("}}`,
		`{"filter":{"states":["TASK_STATE_FINISHED"]},"includeFinished":true}`,
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.ListTasksRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		before := s.sup.Cursor()
		resp, err := s.ListTasks(t.Context(), &req)
		if err != nil {
			s.refused(t, err, before)
			return
		}
		if after := s.sup.Cursor(); after != before || len(resp.GetTasks()) > 2 || resp.GetCursor() == nil {
			t.Errorf("%v is answered with %v; the log went from %v to %v", &req, resp, before, after)
		}
	})
}

// FuzzListPlugins: whatever the bytes, a request is refused, or the answer is a page of what there is.
func FuzzListPlugins(f *testing.F) {
	s := newFuzzed[pb.ListPluginsRequest](f, `{}`, `{"pageSize":1}`, `{"pageSize":-1,"pageToken":"x"}`, `{"pageSize":1001}`, `{"pageToken":"$TOKEN"}`)
	f.Add(must(proto.Marshal(&pb.ListPluginsRequest{PageToken: pageToken{Query: queryDigest(&pb.ListPluginsRequest{})}.after("a", supervisor.UID{}).String()})))
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.ListPluginsRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		resp, err := s.ListPlugins(t.Context(), &req)
		if err != nil {
			s.refused(t, err, s.sup.Cursor())
			return
		}
		if len(resp.GetPlugins()) > 1 || resp.GetNextPageToken() != "" {
			t.Errorf("%v is answered with %v", &req, resp)
		}
	})
}

// FuzzWatchEvents: whatever the bytes, a request is refused, or the stream begins, and ends when its caller leaves.
func FuzzWatchEvents(f *testing.F) {
	s := newFuzzed[pb.WatchEventsRequest](f,
		`{}`,
		`{"start":"WATCH_START_OLDEST"}`,
		`{"start":"WATCH_START_SNAPSHOT","filter":{"names":["l*"]}}`,
		`{"start":"WATCH_START_NEW","heartbeatInterval":"0.1s"}`,
		`{"start":9,"heartbeatInterval":"0s"}`,
		`{"resume":{"epoch":"$EPOCH","sequence":"1"}}`,
		`{"resume":{"epoch":"$EPOCH","sequence":"18446744073709551615"}}`,
		`{"resume":{"epoch":"x","sequence":"1"},"start":"WATCH_START_OLDEST"}`,
		`{"resume":{}}`,
		`{"filter":{"names":["live"],"kinds":["EVENT_KIND_TASK_ADDED"],"uids":["01975a4e-0000-7000-8000-000000000000"]},"start":"WATCH_START_OLDEST"}`,
		`{"filter":{"names":["["],"kinds":[0,99],"uids":["x"]}}`,
		`{"filter":{"labelSelector":"a in (b)"},"start":"WATCH_START_SNAPSHOT"}`,
		`{"heartbeatInterval":"-1s"}`,
		`{"heartbeatInterval":"3601s"}`,
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.WatchEventsRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		stream := newImpatient(t)
		err := s.WatchEvents(&req, stream)
		if !stream.begun {
			s.refused(t, err, s.sup.Cursor())
		} else if w := new(watch); w.check(&req) != nil || w.filter.match(&eventKey{}) && req.GetFilter().GetKinds() != nil {
			t.Errorf("%v selects what there is not; %v", &req, err)
		}
		if open := s.Stats().Streams; open != 0 {
			t.Errorf("%d streams are open", open)
		}
	})
}

// impatient is a stream whose caller leaves as soon as it has begun.
type impatient struct {
	grpc.ServerStreamingServer[pb.WatchEventsResponse]
	ctx   context.Context //nolint:containedctx // that of a stream
	leave context.CancelFunc
	begun bool // headers were sent
}

func newImpatient(t *testing.T) *impatient {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	return &impatient{ctx: ctx, leave: leave}
}

func (m *impatient) Context() context.Context               { return m.ctx }
func (m *impatient) SetHeader(metadata.MD) error            { return nil }
func (m *impatient) SetTrailer(metadata.MD)                 {}
func (m *impatient) Send(msg *pb.WatchEventsResponse) error { return m.SendMsg(msg) }
func (m *impatient) SendMsg(any) error                      { return m.ctx.Err() }

func (m *impatient) SendHeader(metadata.MD) error {
	m.begun = true
	m.leave()
	return nil
}

// FuzzSameSpec: what is the same to IF_EXISTS_KEEP is the same to request_id, and the other way round.
func FuzzSameSpec(f *testing.F) {
	for _, a := range sameSeeds {
		for _, b := range sameSeeds {
			f.Add(specBytes(f, a), specBytes(f, b))
		}
	}
	f.Fuzz(func(t *testing.T, dataA, dataB []byte) {
		var a, b pb.TaskSpec
		if proto.Unmarshal(dataA, &a) != nil || proto.Unmarshal(dataB, &b) != nil {
			return
		}
		differ := specDifferences(&a, &b)
		same := addDigest(&pb.AddTaskRequest{Task: &a}) == addDigest(&pb.AddTaskRequest{Task: &b, IfExists: pb.IfExists_IF_EXISTS_FAIL})
		if same != (len(differ) == 0) {
			t.Errorf("%v and %v: the same: %t, but %q differ", &a, &b, same, differ)
		}
		if back := specDifferences(&b, &a); !slices.Equal(back, differ) {
			t.Errorf("%v and %v differ in %q, and the other way round in %q", &a, &b, differ, back)
		}
	})
}

var sameSeeds = []string{
	`{}`,
	`{"name":"a","plugin":"any","config":{}}`,
	`{"name":"a","plugin":"any","restart":{},"backoff":{},"admission":{}}`,
	`{"name":"a","plugin":"any","timeout":"0s","restart":{"limit":{}}}`,
	`{"name":"a","plugin":"any","config":{"x":[1,{"y":null}],"z":{}},"labels":{"a":"b","c":""}}`,
	`{"name":"a","plugin":"any","config":{"x":[1,{}],"z":"NaN"},"labels":{"a":"c"},"backoff":{"factor":"NaN","first":"1s"}}`,
	`{"name":"a","plugin":"any","config":{"x":0},"backoff":{"factor":-0.0}}`,
	`{"name":"a","plugin":"any","config":{"x":-0.0}}`,
	`{"name":"a","plugin":"any","restart":{"schedule":"@daily"}}`,
	`{"name":"a","plugin":"any","restart":{"schedule":"0 0 * * *","timeZone":"UTC"}}`,
}

func specBytes(f *testing.F, text string) []byte {
	f.Helper()
	var spec pb.TaskSpec
	if err := protojson.Unmarshal([]byte(text), &spec); err != nil {
		f.Fatal(err)
	}
	return must(proto.Marshal(&spec))
}
