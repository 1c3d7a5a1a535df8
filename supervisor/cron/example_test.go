package cron_test

import (
	"fmt"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/cron"
)

func ExampleParse() {
	var zones cron.Zones
	berlin, err := zones.Find("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	nightly, err := cron.Parse("30 2 * * *", berlin)
	if err != nil {
		panic(err)
	}
	next := time.Date(2026, 3, 28, 0, 0, 0, 0, berlin)
	for range 3 { // on the 29th, the clock is put forward from 2:00 to 3:00
		next = nightly.Next(next)
		fmt.Println(next)
	}
	// Output:
	// 2026-03-28 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-03-30 02:30:00 +0200 CEST
}

func ExampleError() {
	_, err := cron.Parse("61 * 30 2 *", time.UTC)
	fmt.Println(err)
	_, err = cron.Parse("0 0 30 2 *", time.UTC)
	fmt.Println(err)
	// Output:
	// "61 * 30 2 *" is no schedule: minute: 61 is out of range; give 0 to 59
	// "0 0 30 2 *" is no schedule: no month that it allows has the day 30; give another day or month
}

func ExampleZones_Find() {
	var zones cron.Zones
	_, err := zones.Find("Mars/Phobos")
	fmt.Println(err)
	// Output: "Mars/Phobos" is no time zone; give a name of the IANA database, such as Europe/Berlin, or UTC
}
