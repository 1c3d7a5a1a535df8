//go:build e2e && !linux

package e2e

// enterSandbox: there are sandboxes on Linux only.
func enterSandbox() {}
