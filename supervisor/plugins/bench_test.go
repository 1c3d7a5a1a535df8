package plugins_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins"
)

// What a daemon spends on its plugins when it starts: schemas, examples, expressions.
func BenchmarkRegister(b *testing.B) {
	list, err := plugins.Default(plugins.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plugin.NewRegistry(list...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(list)), "µs/plugin")
}

// What AddTask spends on a config: decoding, defaults, validation, the body; compared with encoding/json, which does the first only, and
// of a text.
func BenchmarkBuild(b *testing.B) {
	list, err := plugins.Default(plugins.Options{})
	if err != nil {
		b.Fatal(err)
	}
	registry, err := plugin.NewRegistry(list...)
	if err != nil {
		b.Fatal(err)
	}
	for _, info := range registry.List() {
		if !info.Enabled {
			continue
		}
		var config map[string]any
		var decoding time.Duration // of one text
		b.Run(info.Name+"/json", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				config = nil
				if err := json.Unmarshal(info.Example, &config); err != nil {
					b.Fatal(err)
				}
			}
			decoding = b.Elapsed() / time.Duration(b.N)
		})
		b.Run(info.Name+"/build", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := registry.Build(info.Name, config); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(max(decoding, 1)), "×json")
		})
	}
}
