package supervisor

import "time"

// Ref names a task: the live one of a name, or one life by its uid.
type Ref struct {
	name string
	uid  UID
}

// ByName refers to the live task of that name.
func ByName(name string) Ref { return Ref{name: name} }

// ByUID refers to one life, live or finished.
func ByUID(uid UID) Ref { return Ref{uid: uid} }

// find returns the task that ref refers to.
func (s *Supervisor) find(ref Ref) (*task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findLocked(ref)
}

func (s *Supervisor) findLocked(ref Ref) (*task, error) {
	s.retained.expire(time.Now(), s.byUID)
	t := s.byName[ref.name]
	if !ref.uid.IsZero() {
		t = s.byUID.get(ref.uid)
	}
	if t == nil {
		return nil, &TaskError{Name: ref.name, UID: ref.uid, Err: ErrTaskNotFound}
	}
	return t, nil
}
