package server

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func pluginToWire(info *plugin.Info) (*pb.Plugin, error) {
	schema, err := objectToWire(info.Schema)
	if err != nil {
		return nil, fmt.Errorf("config schema of plugin %q: %w", info.Name, err)
	}
	example, err := objectToWire(info.Example)
	if err != nil {
		return nil, fmt.Errorf("config example of plugin %q: %w", info.Name, err)
	}
	return &pb.Plugin{
		Name:           validText(info.Name),
		Description:    validText(info.Description),
		Version:        validText(info.Version),
		ConfigSchema:   schema,
		ConfigExample:  example,
		Enabled:        info.Enabled,
		DisabledReason: validText(info.Reason),
	}, nil
}

// objectToWire returns a JSON object as a message; nil for none.
func objectToWire(object json.RawMessage) (*structpb.Struct, error) {
	if len(object) == 0 {
		return nil, nil
	}
	message := new(structpb.Struct)
	if err := protojson.Unmarshal(object, message); err != nil {
		return nil, err
	}
	return message, nil
}
