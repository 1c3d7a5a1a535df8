// Package plugin turns the name of a plugin and a JSON config into the body of a task.
//
// A Definition describes a plugin: its name, and the struct that configures its bodies. From the struct come the JSON schema that is
// shown to people and the strict decoder that checks what they send, so that the two cannot differ. A Registry is a value that holds
// plugins; it never changes once it is made, and nothing registers itself.
//
// What a body can say while it runs is up to package supervisor: Output, Logger, Heartbeat, Progress; and what its error can say: ExitCode,
// RetryAfter, Fatal.
//
// # Optional interfaces
//
// Two methods make a plugin: Build, and the Run of its body. What else there is to say, optional methods say:
//
//	SetDefaults     of the config, or a struct in it    Defaulter
//	Validate        of the config                       Validator: rules that a schema cannot state
//	ExtendSchema    of the config, or a struct in it    SchemaExtender: describes the config, and limits it
//	Close           of the body                         supervisor.Closer: gives back what attempts have left open
//
// Close is also called for bodies that are made and do not run: that of the example, and those of requests that are refused or only validated.
//
// # Guarantees
//
//   - A key that the struct does not have is an error, as is a value of another type: nothing is ignored, nothing is converted.
//   - All that is wrong with a config is reported at once, each with its path, the value and the remedy.
//   - Bad names, a name used twice, and an example that does not work are errors when the registry is made.
//
// # Testing
//
// Package plugintest tests a plugin in one call: descriptions, example, nonsense in its config, cancellation, leaks, exit codes.
package plugin
