package label_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server/internal/label"
)

// good has selectors and their canonical form.
var good = map[string]string{
	"":                                     "",
	" \t\r\n":                              "",
	"a":                                    "a",
	"!a":                                   "!a",
	" ! a ":                                "!a",
	"a=b":                                  "a=b",
	"a==b":                                 "a=b",
	"a\t==\nb":                             "a=b",
	"a!=b":                                 "a!=b",
	"a != b , c":                           "a!=b,c",
	"a in (b)":                             "a=b",
	"a in(b)":                              "a=b",
	"a notin (b)":                          "a!=b",
	"a in (c,b)":                           "a in (b,c)",
	"a notin ( c , b , c )":                "a notin (b,c)",
	"b,a":                                  "a,b",
	"a=c,a=b,a,!a":                         "a,a=b,a=c,!a",
	"a=b,a==b,a in (b),a in (b,b)":         "a=b",
	"A=B,a=b":                              "A=B,a=b",
	"a=":                                   "a=",
	"a!=,b":                                "a!=,b",
	"a in ()":                              "a=",
	"a in (,)":                             "a=",
	"a notin ()":                           "a!=",
	"a in (b,)":                            "a in (,b)",
	"a in (,b,,c)":                         "a in (,b,c)",
	"in":                                   "in",
	"!notin":                               "!notin",
	"in in (in)":                           "in=in",
	"notin notin (notin,in)":               "notin notin (in,notin)",
	"a=in,b=notin":                         "a=in,b=notin",
	"example.com/app_1=v1.2-rc_3":          "example.com/app_1=v1.2-rc_3",
	"a/b/c":                                "a/b/c",
	strings.Repeat("k", 63) + "=0":         strings.Repeat("k", 63) + "=0",
	"k=" + strings.Repeat("v", 63):         "k=" + strings.Repeat("v", 63),
	"app=web,tier in (front,back),!legacy": "app=web,!legacy,tier in (back,front)",
}

func TestGoodSelectors(t *testing.T) {
	for text, want := range good {
		s, err := label.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := s.String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if s.IsEmpty() != (want == "") {
			t.Errorf("%q: empty %t", text, s.IsEmpty())
		}
	}
}

const (
	aRequirement = " is due; give one like app=web, app in (a,b), app or !app, and commas only between two of them"
	anOperator   = " is due; use = != in or notin, or put a comma before the next requirement"
	aComma       = " is due; separate requirements by commas"
	aValue       = " is due; give one, or none for a label with an empty value"
	inList       = " is due; separate the values by commas, and close the list by )"
	aList        = " is due; write the values in parentheses, as in app in (a,b)"
	aKey         = "; give 1 to 63 characters out of a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit"
	valueRule    = "; give at most 63 characters out of a-z A-Z 0-9 . _ and -, beginning and ending with a letter or digit"
)

// bad has selectors and all that is wrong with them.
var bad = map[string][]string{
	// Commas.
	",":     {`"," at position 1 stands where a requirement` + aRequirement, `"," at position 1 is followed by the end where a requirement` + aRequirement},
	"a,":    {`"," at position 2 is followed by the end where a requirement` + aRequirement},
	",a":    {`"," at position 1 stands where a requirement` + aRequirement},
	"a, ,b": {`"," at position 4 stands where a requirement` + aRequirement},
	// Keys.
	"=b":                    {`"=" at position 1 stands where a requirement` + aRequirement},
	"(a)":                   {`"(" at position 1 stands where a requirement` + aRequirement},
	"!":                     {`"!" at position 1 is followed by the end where a key is due; name one after the !, as in !app`},
	"!!a":                   {`"!" at position 2 stands where a key is due; name one after the !, as in !app`},
	"!,a":                   {`"," at position 2 stands where a key is due; name one after the !, as in !app`},
	"-a":                    {`"-a" at position 1 cannot be the key of a label` + aKey},
	"größe=1":               {`"größe" at position 1 cannot be the key of a label` + aKey},
	`"a"=b`:                 {`"\"a\"" at position 1 cannot be the key of a label` + aKey},
	"ä,ö":                   {`"ä" at position 1 cannot be the key of a label` + aKey, `"ö" at position 3 cannot be the key of a label` + aKey},
	strings.Repeat("x", 64): {`"` + strings.Repeat("x", 64) + `" at position 1 cannot be the key of a label` + aKey},
	strings.Repeat("ä", 65): {`"` + strings.Repeat("ä", 64) + `"… at position 1 cannot be the key of a label` + aKey},
	// Operators.
	"a b":      {`"b" at position 3 stands where an operator` + anOperator},
	"a>1":      {`">" at position 2 stands where an operator` + anOperator},
	"a < 1":    {`"<" at position 3 stands where an operator` + anOperator},
	"a!b":      {`"!" at position 2 stands where an operator` + anOperator},
	"a(b)":     {`"(" at position 2 stands where an operator` + anOperator},
	"a IN (b)": {`"IN" at position 3 stands where an operator` + anOperator},
	"!a=b":     {`"=" at position 3 stands where a comma or the end` + aComma},
	// Values.
	"a===b":  {`"=" at position 4 stands where a value` + aValue},
	"a!==b":  {`"=" at position 4 stands where a value` + aValue},
	"a=!b":   {`"!" at position 3 stands where a value` + aValue},
	"a=(b)":  {`"(" at position 3 stands where a value` + aValue},
	"a=)":    {`")" at position 3 stands where a comma or the end` + aComma},
	"a=b c":  {`"c" at position 5 stands where a comma or the end` + aComma},
	"a=b=c":  {`"=" at position 4 stands where a comma or the end` + aComma},
	"a=b/c":  {`"b/c" at position 3 cannot be the value of a label` + valueRule},
	"a=web-": {`"web-" at position 3 cannot be the value of a label` + valueRule},
	"a=\x00": {`"\x00" at position 3 cannot be the value of a label` + valueRule},
	"a=\xff": {`"\xff" at position 3 cannot be the value of a label` + valueRule},
	// Lists.
	"a in":          {`"in" at position 3 is followed by the end where (` + aList},
	"a in b":        {`"b" at position 6 stands where (` + aList},
	"a notin, b":    {`"," at position 8 stands where (` + aList},
	"a in (":        {`"(" at position 6 is followed by the end where a comma or )` + inList},
	"a in (b":       {`"b" at position 7 is followed by the end where a comma or )` + inList},
	"a in (b,":      {`"," at position 8 is followed by the end where a comma or )` + inList},
	"a in (b c)":    {`"c" at position 9 stands where a comma or )` + inList},
	"a in (b=c)":    {`"=" at position 8 stands where a comma or )` + inList},
	"a in (!b)":     {`"!" at position 7 stands where a value` + aValue},
	"a in ((b))":    {`"(" at position 7 stands where a value` + aValue},
	"a in (b))":     {`")" at position 9 stands where a comma or the end` + aComma},
	"a in (b) c":    {`"c" at position 10 stands where a comma or the end` + aComma},
	"a in (b/,c,d)": {`"b/" at position 7 cannot be the value of a label` + valueRule},
	// All at once; what is skipped is the rest of one requirement.
	"-a=b-, c d, e in (f g, h), =i, ok": {
		`"-a" at position 1 cannot be the key of a label` + aKey,
		`"b-" at position 4 cannot be the value of a label` + valueRule,
		`"d" at position 10 stands where an operator` + anOperator,
		`"g" at position 21 stands where a comma or )` + inList,
		`"=" at position 28 stands where a requirement` + aRequirement,
	},
	"a=(b,c),d e": {`"(" at position 3 stands where a value` + aValue, `"e" at position 11 stands where an operator` + anOperator},
	"a=b),c d":    {`")" at position 4 stands where a comma or the end` + aComma, `"d" at position 8 stands where an operator` + anOperator},
	// Limits.
	strings.Repeat("a", 4097):                   {`"` + strings.Repeat("a", 64) + `"… has 4097 bytes; give at most 4096`},
	strings.Repeat("a,", 100) + "b":             {`"b" at position 201 begins requirement 101; give at most 100`},
	"a in (" + strings.Repeat("b,", 100) + "c)": {`"c" at position 207 is at value 101 of a list; give at most 100`},
}

func TestBadSelectors(t *testing.T) {
	for text, want := range bad {
		s, err := label.Parse(text)
		e, ok := errors.AsType[*label.Error](err)
		if !ok {
			t.Errorf("%q parses to %q, error %v", text, s, err)
			continue
		}
		if !slices.Equal(e.Problems, want) {
			t.Errorf("%.100q:\ngot  %q\nwant %q", text, e.Problems, want)
		}
		if !s.IsEmpty() {
			t.Errorf("%q is refused and parses to %q", text, s)
		}
	}
}
