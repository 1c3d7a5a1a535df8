package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// missing stands for figures that there are none of.
const missing = "n/a"

// table is rows of cells below a head. All columns but the leading ones with words are aligned to the right.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n", t.title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintln(tw, strings.Join(row, "\t")+"\t")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

// number prints three significant digits.
func number(v float64) string {
	switch {
	case v == 0:
		return missing
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

func perSecond(v float64) string {
	switch {
	case v == 0:
		return missing
	case v >= 1e6:
		return number(v/1e6) + " M/s"
	case v >= 1e3:
		return number(v/1e3) + " k/s"
	default:
		return number(v) + " /s"
	}
}

func times(v float64) string {
	if v == 0 {
		return missing
	}
	return number(v) + " ×"
}

func bytesText(v float64) string {
	switch {
	case v == 0:
		return missing
	case v < 0: // a difference
		return "-" + bytesText(-v)
	case v >= 1<<20:
		return number(v/(1<<20)) + " MiB"
	case v >= 1<<10:
		return number(v/(1<<10)) + " KiB"
	default:
		return number(v) + " B"
	}
}

// nanosText prints a number of nanoseconds.
func nanosText(v float64) string {
	switch {
	case v == 0:
		return missing
	case v >= 1e6:
		return number(v/1e6) + " ms"
	case v >= 1e3:
		return number(v/1e3) + " µs"
	default:
		return number(v) + " ns"
	}
}
