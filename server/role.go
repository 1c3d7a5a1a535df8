package server

import (
	"fmt"
	"strings"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Role is what a caller may do. A higher one may do all that a lower one may.
type Role uint8

// Roles.
const (
	RoleWatch   Role = iota + 1 // look: ListTasks, WatchEvents, ListPlugins, reflection
	RoleOperate                 // also add and remove tasks
	RoleAdmin                   // everything: also methods that have no row in the table of roles, such as those of services of one's own
)

// roleNone is the role of a method that anybody may call, without credentials.
const roleNone Role = 0

var roleNames = [...]string{roleNone: "none", RoleWatch: "watch", RoleOperate: "operate", RoleAdmin: "admin"}

// String returns the name of the role in lower case, as errors and files have it.
func (r Role) String() string {
	if int(r) >= len(roleNames) {
		return fmt.Sprintf("Role(%d)", uint8(r))
	}
	return roleNames[r]
}

// ParseRole returns the role of this name: watch, operate or admin.
func ParseRole(name string) (Role, error) {
	for r := RoleWatch; r <= RoleAdmin; r++ {
		if roleNames[r] == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("%q is no role; give one of %s", name, strings.Join(roleNames[RoleWatch:], ", "))
}

// methodRoles is the one table of which method needs which role. To add a method, add it here: a test compares the table with what is
// registered. Probes of health come from programs that can hold no credentials, such as the kubelet, and tell little.
var methodRoles = map[string]Role{
	pb.SupervisorService_ListTasks_FullMethodName:   RoleWatch,
	pb.SupervisorService_WatchEvents_FullMethodName: RoleWatch,
	pb.SupervisorService_AddTask_FullMethodName:     RoleOperate,
	pb.SupervisorService_RemoveTask_FullMethodName:  RoleOperate,
	pb.PluginService_ListPlugins_FullMethodName:     RoleWatch,

	healthpb.Health_Check_FullMethodName: roleNone,
	healthpb.Health_List_FullMethodName:  roleNone,
	healthpb.Health_Watch_FullMethodName: roleNone,

	reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName:      RoleWatch,
	reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName: RoleWatch,
}

// roleFor returns the role that a method needs.
func roleFor(method string) Role {
	if role, ok := methodRoles[method]; ok {
		return role
	}
	return RoleAdmin
}
