package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// compactJSON returns the message as grpcurl and the gateway of every other language have it, on one line. protojson itself puts blanks
// where it likes, so that nobody compares bytes; scripts and tests do.
func compactJSON(m proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Compact(&b, data)
	return b.Bytes(), err
}

// printMessage prints a message as JSON or YAML.
func printMessage(w io.Writer, f format, m proto.Message) error {
	data, err := compactJSON(m)
	if err != nil {
		return err
	}
	return printJSON(w, f, data)
}

func printJSON(w io.Writer, f format, data []byte) error {
	if f == formatYAML {
		return printYAML(w, data)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// printYAML prints JSON as YAML, with the keys in the same order.
func printYAML(w io.Writer, data []byte) error {
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	asBlocks(&node)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return err
	}
	return encoder.Close()
}

// asBlocks removes brackets and quotes; the encoder adds those that are needed.
func asBlocks(node *yaml.Node) {
	if len(node.Content) > 0 || node.Kind == yaml.ScalarNode {
		node.Style = 0
	}
	for _, child := range node.Content {
		asBlocks(child)
	}
}

// printList prints messages as one object with a list under key.
func printList[M proto.Message](w io.Writer, f format, key string, messages []M) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{%q:[", key)
	for i, m := range messages {
		data, err := compactJSON(m)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(data)
	}
	b.WriteString("]}")
	return printJSON(w, f, b.Bytes())
}
