//go:build linux && cgo

package main

import (
	"fmt"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"nsexec/bench/turns"
)

const width, height = 18 * vg.Centimeter, 9 * vg.Centimeter

// axis is what a plot's lines run along.
type axis struct {
	name   string
	places []float64
	log    bool
}

func newPlot(title string) *plot.Plot {
	drawn := plot.New()
	drawn.Title.Text, drawn.Title.Padding = title, 3*vg.Millimeter
	for _, a := range []*plot.Axis{&drawn.X, &drawn.Y} {
		a.Tick.Label.Font.Size = 9
	}
	return drawn
}

// show keeps a plot to be drawn, and refers to it.
func (p *page) show(name string, drawn *plot.Plot) {
	p.plots[name] = drawn
	fmt.Fprintf(&p.body, "\n![%s](benchmarks/%s.svg)\n", drawn.Title.Text, name)
}

// bars has one for each contender, the first on top.
func (p *page) bars(name, title string, contenders []*turns.Contender) error {
	drawn := newPlot(title)
	drawn.X.Label.Text = "ms"
	var values plotter.Values
	var names []string
	for _, c := range slices.Backward(contenders) {
		values = append(values, milliseconds(c))
		names = append(names, fmt.Sprintf("%s, %.2f ms", c.Name, milliseconds(c)))
	}
	bars, err := plotter.NewBarChart(values, 0.6*height/vg.Length(len(values)))
	if err != nil {
		return err
	}
	bars.Horizontal, bars.Color, bars.LineStyle.Width = true, plotutil.Color(2), 0
	drawn.Add(bars)
	drawn.NominalY(names...)
	drawn.X.Min, drawn.X.Max = 0, 1.05*drawn.X.Max
	p.show(name, drawn)
	return nil
}

// lines has one for each series, from zero on.
func (p *page) lines(name, title, unit string, along axis, all []series, value func(*turns.Contender) float64) error {
	drawn := newPlot(title)
	drawn.X.Label.Text, drawn.Y.Label.Text = along.name, unit
	var arguments []any
	for _, s := range all {
		points := make(plotter.XYs, len(s.at))
		for i, c := range s.at {
			points[i] = plotter.XY{X: along.places[i], Y: value(c)}
		}
		arguments = append(arguments, s.name, points)
	}
	if err := plotutil.AddLinePoints(drawn, arguments...); err != nil {
		return err
	}
	var ticks plot.ConstantTicks
	for _, place := range along.places {
		ticks = append(ticks, plot.Tick{Value: place, Label: strconv.FormatFloat(place, 'f', -1, 64)})
	}
	if drawn.X.Tick.Marker = ticks; along.log {
		drawn.X.Scale = plot.LogScale{}
	}
	drawn.Y.Min, drawn.Y.Max = 0, 1.3*drawn.Y.Max // room for the legend
	drawn.X.Max *= 1.02
	drawn.Legend.Top, drawn.Legend.Padding = true, vg.Millimeter
	p.show(name, drawn)
	return nil
}
