// Package glob matches names against patterns as path.Match does, for patterns that are used very often: a pattern is compiled once, and a match
// takes about as long as comparing the parts of the pattern that are no wildcards.
//
//   - any run of characters but /, also an empty one
//     ?        one character but /
//     [a-z]    one character out of a set, [^a-z] one that is not in it
//     \c       the character c
//
// # Guarantees
//
//   - Compile refuses what path.Match refuses, and Match says what path.Match says, of each name that is ASCII. Other characters of a name are
//     matched by nothing.
//   - Match allocates nothing. Its time is bounded by the product of the lengths of the name and of the pattern.
//   - A Glob is immutable: any number of goroutines may use it.
//
// # Memory
//
// A Glob needs at most 21 bytes for each byte of its pattern, and 24 more.
package glob
