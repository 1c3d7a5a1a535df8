package supervisor

// Fields is a set of fields of Event: those whose presence depends on the kind.
type Fields uint32

// Fields of Event. Sequence, Time and Kind are not among them: every event has those.
const (
	FieldTask       Fields = 1 << iota // Task, UID and Labels: the event is about a task
	FieldAttempt                       // Attempt
	FieldDuration                      // Duration
	FieldTimeout                       // Timeout
	FieldDelay                         // Delay
	FieldReason                        // Reason
	FieldExitCode                      // ExitCode and HasExitCode
	FieldSource                        // Source
	FieldOutcome                       // Outcome
	FieldSlot                          // Slot
	FieldRejection                     // Rejection
	FieldTransition                    // PreviousSlotState and SlotState
	FieldDepth                         // Depth
	FieldSubscriber                    // Subscriber
	FieldLost                          // Lost
	FieldLine                          // Stream and Line
	FieldPrincipal                     // Principal
)

// Has reports whether all fields of other are in f.
func (f Fields) Has(other Fields) bool { return f&other == other }

// kindFields is the one table of which kind sets which field. To add a kind or a field, add it here; a test compares the table with every
// event that the other tests provoke.
var kindFields = [...]struct{ always, sometimes Fields }{
	TaskAddRequested:      {always: FieldTask, sometimes: FieldPrincipal},
	TaskAdded:             {always: FieldTask | FieldSlot},
	TaskStarting:          {always: FieldTask | FieldAttempt},
	TaskStopped:           {always: FieldTask | FieldAttempt | FieldDuration},
	TaskFailed:            {always: FieldTask | FieldAttempt | FieldDuration, sometimes: FieldReason | FieldExitCode},
	TimeoutHit:            {always: FieldTask | FieldAttempt | FieldTimeout},
	BackoffScheduled:      {always: FieldTask | FieldDelay | FieldSource, sometimes: FieldAttempt | FieldReason},
	ActorExhausted:        {always: FieldTask | FieldOutcome, sometimes: FieldAttempt | FieldReason | FieldExitCode},
	ActorDead:             {always: FieldTask | FieldAttempt | FieldOutcome, sometimes: FieldReason | FieldExitCode},
	TaskRemoveRequested:   {always: FieldTask | FieldReason, sometimes: FieldPrincipal},
	TaskRemoved:           {always: FieldTask | FieldOutcome, sometimes: FieldReason | FieldExitCode},
	ShutdownRequested:     {always: FieldReason},
	AllStoppedWithinGrace: {},
	GraceExceeded:         {always: FieldTask | FieldAttempt | FieldReason},

	ControllerSubmitted:      {always: FieldTask | FieldSlot | FieldDepth},
	ControllerRejected:       {always: FieldTask | FieldSlot | FieldRejection | FieldReason},
	ControllerSlotTransition: {always: FieldTask | FieldSlot | FieldTransition | FieldDepth},

	SubscriberOverflow: {always: FieldSubscriber | FieldLost},
	SubscriberPanicked: {always: FieldSubscriber | FieldReason},

	TaskOutput: {always: FieldTask | FieldAttempt | FieldLine, sometimes: FieldLost},
}

// KindFields returns which fields an event of kind k sets. Those of always mean something on every such event, a zero Delay or Duration
// included; those of sometimes only where they are not zero, the exit code where HasExitCode is set: a success has no reason, few
// failures have an exit code, and in one's own process nobody needs a principal. Both are 0 for an unknown kind.
func KindFields(k Kind) (always, sometimes Fields) {
	if int(k) >= len(kindFields) {
		return 0, 0
	}
	return kindFields[k].always, kindFields[k].sometimes
}
