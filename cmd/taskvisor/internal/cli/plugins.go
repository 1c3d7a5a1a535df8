package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

const pluginsHelp = `List the plugins of the server: what the tasks can do that it runs. With NAME, show the config that a plugin takes, key by
key, and an example that works.

One that is not enabled is part of the server, but may not be used; the list says why.

-o json prints {"plugins": […]} with the fields of taskvisor.v1.Plugin, the JSON schema of the config among them; with NAME, the
one plugin.`

const pluginsExample = `  taskvisor plugins
  taskvisor plugins exec
  taskvisor plugins exec -o json | jq .configSchema`

func pluginsVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "plugins [NAME]", Aliases: []string{"plugin"}, Short: "List the plugins, or show the config of one",
		Long: pluginsHelp, Example: pluginsExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneArgument("NAME")(cmd, args)
		},
		ValidArgsFunction: a.completePlugins(1),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			all, err := a.allPlugins(ctx, c)
			switch {
			case err != nil:
				return err
			case len(args) == 0:
				return a.printPlugins(all)
			}
			return a.printPlugin(args[0], all)
		}),
	}
}

func (a *app) allPlugins(ctx context.Context, c *client.Client) (all []*pb.Plugin, err error) {
	ctx, cancel := a.call(ctx)
	defer cancel()
	for p, err := range c.Plugins(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (a *app) printPlugins(all []*pb.Plugin) error {
	switch a.settings.output {
	case formatJSON, formatYAML:
		return printList(a.stdout, a.settings.output, "plugins", all)
	case formatName:
		for _, p := range all {
			if _, err := fmt.Fprintln(a.stdout, p.GetName()); err != nil {
				return err
			}
		}
		return nil
	case formatTable, formatWide:
	}
	table := &columns{style: a.style, columns: []column{{title: "NAME"}, {title: "ENABLED"}, {title: "VERSION"}, {title: "DESCRIPTION", least: 20}}}
	for _, p := range all {
		enabled, text := cell{"yes", green}, p.GetDescription()
		if !p.GetEnabled() {
			enabled = cell{"no", yellow}
			text = p.GetDisabledReason()
		}
		table.add(cell{p.GetName(), plain}, enabled, cell{p.GetVersion(), plain}, cell{text, plain})
	}
	return table.writeTo(a.stdout)
}

func (a *app) printPlugin(name string, all []*pb.Plugin) error {
	i := slices.IndexFunc(all, func(p *pb.Plugin) bool { return p.GetName() == name })
	switch {
	case i < 0:
		return noPlugin(name, all)
	case a.settings.output == formatName:
		_, err := fmt.Fprintln(a.stdout, name)
		return err
	case !a.settings.output.isText():
		return printMessage(a.stdout, a.settings.output, all[i])
	}
	return a.describePlugin(all[i])
}

// noPlugin says it as the server would.
func noPlugin(name string, all []*pb.Plugin) error {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.GetName()
	}
	near := yamlfile.Nearest(name, names)
	return &missingPlugin{status.Errorf(codes.NotFound, "the server has no plugin %q;%s there are %s", name,
		pick(near != "", fmt.Sprintf(" did you mean %q?", near), ""), strings.Join(names, ", "))}
}

// missingPlugin has its own exit code.
type missingPlugin struct{ error }

// Unwrap gives package status the error.
func (e *missingPlugin) Unwrap() error { return e.error }

func (a *app) describePlugin(p *pb.Plugin) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n%s\n", a.style.paint(bold, strings.TrimSpace(p.GetName()+" "+p.GetVersion())), wrapped(p.GetDescription(), a.textWidth(), "  "))
	if !p.GetEnabled() {
		b.WriteString(a.style.paint(yellow, wrapped("It is not enabled: "+p.GetDisabledReason(), a.textWidth(), "  ")) + "\n")
	}
	b.WriteString("Config:\n")
	if err := a.writeKeys(&b, p.GetConfigSchema()); err != nil {
		return err
	}
	if len(p.GetConfigExample().GetFields()) > 0 {
		if err := writeExample(&b, p); err != nil {
			return err
		}
	}
	_, err := b.WriteTo(a.stdout)
	return err
}

// writeKeys writes a table of the keys that a config may have.
func (a *app) writeKeys(w io.Writer, schema *structpb.Struct) error {
	keys := schema.GetFields()["properties"].GetStructValue().GetFields()
	if len(keys) == 0 {
		_, err := fmt.Fprintln(w, "  none")
		return err
	}
	required := map[string]bool{}
	for _, key := range schema.GetFields()["required"].GetListValue().GetValues() {
		required[key.GetStringValue()] = true
	}
	table := &columns{style: a.style, columns: []column{{title: "KEY"}, {title: "TYPE"}, {title: "REQUIRED"}, {title: "DEFAULT"}, {title: "DESCRIPTION"}}}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		s := keys[key].GetStructValue().GetFields()
		table.add(cell{key, cyan}, cell{typeOf(s), plain}, cell{pick(required[key], "yes", ""), plain}, cell{compactValue(s["default"]), plain},
			cell{s["description"].GetStringValue(), plain})
	}
	return table.wrapLast(w, a.textWidth())
}

// typeOf says what a value is.
func typeOf(s map[string]*structpb.Value) string {
	if choices := s["enum"].GetListValue().GetValues(); len(choices) > 0 {
		texts := make([]string, len(choices))
		for i, c := range choices {
			texts[i] = compactValue(c)
		}
		return strings.Join(texts, "|")
	}
	var types []string
	for _, t := range s["type"].GetListValue().GetValues() {
		if name := t.GetStringValue(); name != "null" {
			types = append(types, name)
		}
	}
	if t := s["type"].GetStringValue(); t != "" {
		types = append(types, t)
	}
	text := strings.Join(types, "|")
	if items := s["items"].GetStructValue().GetFields(); text == "array" && items != nil {
		text = "[" + typeOf(items) + "]"
	}
	return text
}

// compactValue returns a value as JSON, text without its quotes; "" for none.
func compactValue(v *structpb.Value) string {
	if v == nil {
		return ""
	}
	if text, ok := v.GetKind().(*structpb.Value_StringValue); ok {
		return text.StringValue
	}
	data, err := compactJSON(v)
	if err != nil {
		return ""
	}
	return string(data)
}

func writeExample(b *bytes.Buffer, p *pb.Plugin) error {
	data, err := compactJSON(p.GetConfigExample())
	if err != nil {
		return err
	}
	quoted := "'" + strings.ReplaceAll(string(data), "'", `'\''`) + "'"
	fmt.Fprintf(b, "\nExample:\n  taskvisor add NAME --plugin %s --config-json %s\n\nThe same in a file:\n  name: NAME\n  plugin: %s\n  config:\n", p.GetName(), quoted, p.GetName())
	var yaml bytes.Buffer
	if err := printYAML(&yaml, data); err != nil {
		return err
	}
	for line := range strings.Lines(yaml.String()) {
		b.WriteString("    " + line)
	}
	return nil
}
