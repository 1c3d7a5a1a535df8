package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// flagError says what is wrong with the flags, and what was likely meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid):
		err = fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalidValue(invalid))
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := yamlfile.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, near)
		}
	}
	return usageError{err}
}

// invalidValue says what a flag wants whose value package strconv could not read; others say it themselves.
func invalidValue(err *pflag.InvalidValueError) error {
	switch err.GetFlag().Value.Type() {
	case "int", "uint32":
		return fmt.Errorf("wants a whole number, not %q", err.GetValue())
	case "float64":
		return fmt.Errorf("wants a number, not %q", err.GetValue())
	case "bool":
		return fmt.Errorf("wants true or false, not %q", err.GetValue())
	}
	return err.Unwrap()
}
