// Package manifests has no code of its own: its tests judge the manifests beside it. It is a module of its own, so that nobody who uses Taskvisor gets
// the dependencies.
//
//	make manifests
//
// Every manifest is decoded strictly into the types of the API, as it is written and as it is rendered, and a test misspells each of its fields to see
// that fail. The pods are judged by the rules of the profile "restricted", as the API server has them, and by those of pod_test.go. Their daemon is
// started as it stands there, with its volumes, and asked what its probes ask.
//
// To add an overlay, add its folder: the tests find it by its kustomization.yaml. A new kind of object goes into the table in decode_test.go.
package manifests
