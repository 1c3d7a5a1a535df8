package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/client"
)

// completeConfig completes KEY=VALUE of --set by the schema of the plugin that the command line names: the keys, also those inside of another, and
// behind one the values, if the schema lists them.
func (a *app) completeConfig(cmd *cobra.Command) completer {
	return a.completePart(func(ctx context.Context, c *client.Client, toComplete string) []string {
		name := execPlugin
		if flag := cmd.Flags().Lookup("plugin"); flag != nil && flag.Value.String() != "" {
			name = flag.Value.String()
		}
		for p, err := range c.Plugins(ctx) {
			if err != nil {
				break
			}
			if p.GetName() == name {
				return configCompletions(p.GetConfigSchema(), toComplete)
			}
		}
		return nil
	})
}

func configCompletions(schema *structpb.Struct, toComplete string) (all []string) {
	path, _, hasValue := strings.Cut(toComplete, "=")
	steps := strings.Split(path, ".")
	inner := schema
	for _, step := range steps[:len(steps)-1] {
		inner = propertiesOf(inner)[step].GetStructValue()
	}
	keys := propertiesOf(inner)
	if hasValue {
		for _, value := range keys[steps[len(steps)-1]].GetStructValue().GetFields()["enum"].GetListValue().GetValues() {
			all = append(all, path+"="+compactValue(value))
		}
		return all
	}
	before := path[:strings.LastIndexByte(path, '.')+1]
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fields := keys[key].GetStructValue()
		end := pick(propertiesOf(fields) != nil, ".", "=")
		all = append(all, before+key+end+"\t"+oneLine(fields.GetFields()["description"].GetStringValue()))
	}
	return all
}

// propertiesOf returns the keys of an object, nil for what is none.
func propertiesOf(schema *structpb.Struct) map[string]*structpb.Value {
	return schema.GetFields()["properties"].GetStructValue().GetFields()
}
