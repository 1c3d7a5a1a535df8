// Package layout holds the tests of what no compiler checks about the repository as a whole: which package may import which, what lies at
// its top, and what production code never does. The rules are data, each with its reason; each is also shown to fail where it should.
//
// To let a package import another one, change the table in layers_test.go, and its reason with it.
package layout
