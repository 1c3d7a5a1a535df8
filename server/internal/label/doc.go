// Package label has the syntax of labels and the selectors that choose by them.
//
// Labels are a map from keys to values. A selector is a list of requirements, separated by commas, all of which must hold:
//
//	key = value          the label is there and has this value; == means the same
//	key != value         the label has another value, or is missing
//	key in (a, b)        the label is there and has one of these values
//	key notin (a, b)     the label has none of these values, or is missing
//	key                  the label is there, whatever its value
//	!key                 the label is missing
//
// White space may stand between any two of these words and signs. The meaning is that of the label selectors of Kubernetes, the odd corners
// included: a value may be empty, so "key=" and "key in ()" ask for a label without a value, and the words in and notin may be keys and
// values as well. Kubernetes' < and > are not offered.
//
// # Guarantees
//
//   - Parse reports all that is wrong with a selector, each problem with its position, the part that is wrong and what to do about it.
//   - A key or value that no label can have is a problem: the requirement would always, or never, hold.
//   - A Selector is immutable: any number of goroutines may use it.
//   - Match allocates nothing.
//
// # Memory
//
// A Selector holds on to the text it was parsed from, at most MaxBytes, and 40 bytes for each requirement and 16 for each value.
package label
