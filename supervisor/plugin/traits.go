package plugin

import (
	"reflect"
	"slices"
)

// traits are what the walk of the decoder has to know of a type. They are looked up once, for that takes longer than to decode a value of it.
type traits struct {
	leaf bool // isLeaf
	// defaulters tell where in a value the Defaulters are, by the fields that lead there, in the order in which they are called: those of the structs
	// in it come before its own, so that whoever contains one has the last word.
	defaulters [][]int
}

func traitsOf(t reflect.Type) traits { return traits{leaf: isLeaf(t), defaulters: defaulters(t, nil)} }

// defaulters returns traits.defaulters for what the fields at lead to, which is of type t.
func defaulters(t reflect.Type, at []int) (list [][]int) {
	if t.Kind() == reflect.Struct && !isLeaf(t) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				list = append(list, defaulters(f.Type, append(slices.Clip(at), i))...)
			}
		}
	}
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[Defaulter]()) {
		list = append(list, at)
	}
	return list
}

// setDefaults calls SetDefaults of a new value and of the structs in it.
func (t traits) setDefaults(v reflect.Value) {
	for _, at := range t.defaulters {
		inside := v
		for _, i := range at {
			inside = inside.Field(i)
		}
		inside.Addr().Interface().(Defaulter).SetDefaults()
	}
}

// setDefaults sets the defaults of a new value of one of the types of the config.
func (s *shape) setDefaults(v reflect.Value) { s.traits[v.Type()].setDefaults(v) }
