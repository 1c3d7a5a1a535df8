// Package yamlfile reads YAML and JSON files that people write, and says for every mistake in them in which file, on which line and in
// which field it is.
//
// # Usage
//
// Parse a file, walk its documents with Fields and List, read leaves with Text or whole protobuf messages with Message, and ask for
// Problems at the end. Nothing stops at the first mistake.
//
//	f := yamlfile.Parse("tasks.yaml", data)
//	for _, doc := range f.Documents() {
//		for _, field := range f.Fields(doc, "") {
//			...
//		}
//	}
//	if problems := f.Problems(); problems != nil {
//		return problems
//	}
//
// # Guarantees
//
//   - Reading never panics and never expands without a bound: files of more than MaxSize bytes, values nested deeper than
//     MaxDepth and more than MaxValues values, aliases expanded, are problems like any other.
//   - Nothing is guessed and nothing is changed: duplicate keys, text where a number is wanted, numbers that JSON would round,
//     tags that mean nothing here are problems.
//   - Message accepts what protojson writes for the message. Beyond that it accepts durations as Go writes them ("250ms", "1h30m"). Enums
//     are accepted by name only.
//   - A name that ends in .json is read as a sequence of JSON values, any other as a sequence of YAML documents, with
//     anchors, aliases and merge keys (<<).
//
// # Memory
//
// A parsed file takes about 200 bytes for each value in it.
package yamlfile
