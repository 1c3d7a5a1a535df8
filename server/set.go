package server

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// set is a set of values. The zero value has everything in it: a filter without values selects all.
type set[T comparable] struct {
	size int
	only T // if there is one: comparing with it is quicker than to look it up
	many map[T]struct{}
}

func newSet[T comparable](values []T) set[T] {
	if len(values) == 0 {
		return set[T]{}
	}
	s := set[T]{many: make(map[T]struct{}, len(values))}
	for _, value := range values {
		s.only, s.many[value] = value, struct{}{}
	}
	s.size = len(s.many)
	return s
}

func (s *set[T]) has(value T) bool {
	switch s.size {
	case 0:
		return true
	case 1:
		return value == s.only
	default:
		_, ok := s.many[value]
		return ok
	}
}

// values returns all of them, in no order; none if everything is in the set.
func (s *set[T]) values() []T { return slices.Collect(maps.Keys(s.many)) }

// bits is a set of values of an enum of the engine, a bit for each. Zero has everything in it. Bit 0, which is of no value, is for values of the
// wire that the engine does not have.
type bits[E ~uint8] uint64

func newBits[E ~uint8, W wireEnum](field string, values []W, table []W, v *violations) (b bits[E]) {
	if !v.filterLength(field, len(values)) {
		return 0
	}
	for i, value := range values {
		v.enum(fmt.Sprintf("%s[%d]", field, i), value, false)
		b |= 1 << toEngine[E](table, value)
	}
	return b
}

var _ = [64 - len(wireKinds)]struct{}{} // each kind has a bit

func (b bits[E]) has(value E) bool { return b == 0 || b>>value&1 != 0 }

// wireEnum is an enum of the contract.
type wireEnum interface {
	~int32
	protoreflect.Enum
}
