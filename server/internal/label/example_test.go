package label_test

import (
	"errors"
	"fmt"

	"github.com/taskvisor/taskvisor/server/internal/label"
)

func Example() {
	s, err := label.Parse("app == web, tier in (front,back), !legacy")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s)
	fmt.Println(s.Match(map[string]string{"app": "web", "tier": "back"}))
	fmt.Println(s.Match(map[string]string{"app": "web", "tier": "back", "legacy": "yes"}))
	// Output:
	// app=web,!legacy,tier in (back,front)
	// true
	// false
}

func ExampleParse_problems() {
	_, err := label.Parse("app=web server, größe=2, tier in (front")
	if e, ok := errors.AsType[*label.Error](err); ok {
		for _, problem := range e.Problems {
			fmt.Println(problem)
		}
	}
	// Output:
	// "server" at position 9 stands where a comma or the end is due; separate requirements by commas
	// "größe" at position 17 cannot be the key of a label; give 1 to 63 characters out of a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit
	// "front" at position 35 is followed by the end where a comma or ) is due; separate the values by commas, and close the list by )
}
