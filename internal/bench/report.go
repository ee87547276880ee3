//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	id, what  string
	publisher string
	values    []float64
	unit      string
	judged    bool // whether the targets apply
	must, aim float64
}

// verdict compares the median with the targets.
func (r row) verdict() string {
	switch m := median(r.values); {
	case !r.judged:
		return ""
	case m <= r.aim:
		return "as aimed for"
	case m <= r.must:
		return "met"
	default:
		return "MISSED"
	}
}

// rows returns the lines of the table.
func (res *results) rows(o options) []row {
	var rows []row
	for _, publisher := range publishers {
		for _, c := range cases {
			rows = append(rows, row{c.id, c.what, publisher, res.ratios[key(publisher, c.id)], "x", true, c.must, c.aim})
		}
		rows = append(rows, row{"P10", "median latency, 20,000 a second", publisher, res.ratios[key(publisher, "P10")], "x", true, latencyMust, latencyAim})
	}
	rows = append(rows, row{"P7", fmt.Sprintf("memory of a connection, of %d", o.connections), "", res.memory, " KiB", false, 0, 0})
	if o.memory > 0 {
		rows = append(rows, row{"P7", fmt.Sprintf("memory of a connection, of %d", o.memory), "", []float64{res.memoryAll}, " KiB", true, memoryMust, memoryAim})
	}
	return append(rows, row{"P15", "deliveries lost or out of order", "", []float64{float64(res.lost)}, "", true, 0, 0})
}

// missed reports whether a must was missed.
func missed(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.verdict() == "MISSED" })
}

// table returns what is printed.
func table(o options, res results, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d connections, %d bytes of data, %d rounds of %s a measurement, in %s\n",
		o.connections, o.size, o.rounds, o.length, res.took.Round(time.Second))
	fmt.Fprintf(&b, "x = times a bare write loop, which took %.2f us a delivery at the fixed rate\n\n", median(res.floorCPU["P1"])/1e3)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tpublished\tmedian\tquartiles\tmust\taim\t")
	for _, r := range rows {
		low, high := quartiles(r.values)
		spread := ""
		if len(r.values) > 1 {
			spread = r.format(low) + " to " + r.format(high)
		}
		must, aim := "", ""
		if r.judged {
			must, aim = r.format(r.must), r.format(r.aim)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.id, r.what, r.publisher,
			r.format(median(r.values))+r.unit, spread, must, aim, r.verdict())
	}
	w.Flush() // writing to memory cannot fail
	const tolerable = 0.1
	if busy := median(res.foreign); busy > tolerable {
		fmt.Fprintf(&b, "\nOther programs kept %.1f processors busy meanwhile; repeat on a quiet machine before believing any of this.\n", busy)
	}
	return b.String()
}

// format formats a figure of the row with a suitable number of digits.
func (r row) format(v float64) string {
	if r.unit == "" {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func median(v []float64) float64 { return quantile(v, 0.5) }

func quartiles(v []float64) (low, high float64) { return quantile(v, 0.25), quantile(v, 0.75) }

// quantile interpolates between the two nearest values. Without values it is 0.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	at := q * float64(len(v)-1)
	i := int(at)
	if i == len(v)-1 {
		return v[i]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}
