//go:build linux && cgo

package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"nsexec/bench/turns"
)

// atOnce are how many programs are started at the same time, perTurn how many in all.
var atOnce = []int{1, 2, 8, 64}

const perTurn = 128

// throughput compares how many programs can be run in a second.
func (b *bench) throughput() error {
	ways := []*turns.Contender{b.execWay(), b.launcherWay()}
	var all []series
	var contenders []*turns.Contender
	along := axis{name: "at once", log: true}
	var places []string
	for _, level := range atOnce {
		along.places = append(along.places, float64(level))
		places = append(places, fmt.Sprint(level))
	}
	for _, way := range ways {
		s := series{name: way.Name}
		for _, level := range atOnce {
			s.at = append(s.at, &turns.Contender{Name: way.Name, Timed: func() (time.Duration, error) {
				took, err := runAtOnce(level, perTurn, way.Run)
				return took / perTurn, err
			}})
		}
		all = append(all, s)
		contenders = append(contenders, s.at...)
	}
	if err := turns.Take(max(1, b.rounds/15), contenders); err != nil {
		return err
	}
	b.figures.ofThroughput(all[0].at, all[1].at)
	b.page.section("Concurrency", fmt.Sprintf("Programs a second, started by so many goroutines; %d programs are a turn.", perTurn))
	b.page.matrix("1/s", "%.0f", places, all, perSecond)
	return b.page.lines("concurrency", "Programs a second, by how many at once", "1/s", along, all, perSecond)
}

// runAtOnce is how long it takes to run so many, that many at a time.
func runAtOnce(level, total int, run func() error) (time.Duration, error) {
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(total))
	errs := make(chan error, level)
	begun := time.Now()
	for range level {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := run(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	took := time.Since(begun)
	close(errs)
	return took, <-errs
}
