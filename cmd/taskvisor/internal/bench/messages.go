package bench

// What the processes of a measurement tell each other, as JSON over the pipes of the children: the first message to a child is its plan, which it
// answers when it is ready; each one after that is a request, answered with a report. A child ends when its standard input does.

// request is what a child is asked for.
type request struct{ Do string }

// Requests.
const (
	doStart   = "start"   // to a server: begin to publish
	doReport  = "report"  // say how things stand
	doCollect = "collect" // the same, after a garbage collection that gives memory back to the system
)

// answer is what a child answers. Problem is empty if all is well.
type answer[T any] struct {
	Problem string `json:",omitempty"`
	Result  T
}

// serverPlan says what kind of server a process is to be.
type serverPlan struct {
	Variant     string
	EventBuffer int
	Streams     int // that will be open at once
	Window      int // events that may be published but not received by all; for a flood
	Of          int // one of so many events is for each watcher
	Processes   int // of watchers
	Rate        int // events a second; 0: a flood
}

// serverReady says where a server can be reached.
type serverReady struct {
	Address  string // for gRPC
	Progress string // where watchers report how far they have come
}

// serverReport is what a server has done so far.
type serverReport struct {
	Usage     usage
	Published uint64
	Publish   distribution `json:",omitempty"` // how long each call to publish took; for a rate
	Counters  map[string]uint64
}

// watcherPlan says what a process of watchers is to do.
type watcherPlan struct {
	Server  serverReady
	Process int // its number, from 0
	Streams int
	Conns   int
	Names   []string // filter; none: all events
	Of      int      // as in serverPlan
	Round   int      // events after which progress is reported; 0: it is not
	Decode  bool     // use the generated client
	Latency bool     // look at the times of the events
}

// watcherReport is what the watchers of a process have received so far.
type watcherReport struct {
	Usage    usage
	Messages uint64
	Events   uint64
	Bytes    uint64 // of encoded events; 0 where they are decoded
	Lost     uint64 // events that gaps told of, whether a filter would have kept them or not
	Latency  distribution
}
