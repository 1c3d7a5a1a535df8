package cli

import "testing"

func TestGet(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		for _, name := range []string{
			"web/front", "billing-database-migration-of-the-year-2025", "once", "doomed", "export-b", "clock", "stuck",
		} {
			w.at80And120("get", name)
		}
		w.run("get", "web/front", "-o", "json")
		w.run("get", "web/front", "-o", "name")
		w.run("get", "web/frotn")
		w.run("get", "nothing-like-it")
		w.run("get", "00000000-0000-7000-8000-000000000001")
		w.run("get")
		w.run("get", "once", "doomed")
	})
}
