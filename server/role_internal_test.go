package server

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/grpc"

	"github.com/taskvisor/taskvisor/supervisor"
)

// "A test compares the table with what is registered": a new method without a row fails here, and so does a row without a method.
func TestEachMethodHasARole(t *testing.T) {
	g := grpc.NewServer()
	New(must(supervisor.New(supervisor.Config{})), nil, Config{}).Register(g)
	var registered []string
	for service, info := range g.GetServiceInfo() {
		for _, m := range info.Methods {
			registered = append(registered, fmt.Sprintf("/%s/%s", service, m.Name))
		}
	}
	slices.Sort(registered)
	if rows := slices.Sorted(maps.Keys(methodRoles)); !slices.Equal(rows, registered) {
		t.Errorf("the table has\n%q\nregistered are\n%q", rows, registered)
	}
}

// "RoleAdmin: also methods that have no row in the table", for services that somebody else registers.
func TestUnknownMethodsNeedAdmin(t *testing.T) {
	if role := roleFor("/example.v1.Service/Method"); role != RoleAdmin {
		t.Errorf("the role is %v", role)
	}
}

func TestRolesHaveNames(t *testing.T) {
	for r := RoleWatch; r <= RoleAdmin; r++ {
		if parsed, err := ParseRole(r.String()); err != nil || parsed != r {
			t.Errorf("%v is parsed as %v, %v", r, parsed, err)
		}
	}
	for _, name := range []string{"", "none", "Watch", "root", "Role(7)"} {
		if r, err := ParseRole(name); err == nil || r != roleNone {
			t.Errorf("%q is parsed as %v", name, r)
		}
	}
	if got := fmt.Sprint(roleNone, Role(7)); got != "none Role(7)" {
		t.Errorf("got %s", got)
	}
}
