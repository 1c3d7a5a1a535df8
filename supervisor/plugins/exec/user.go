package exec

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// userList holds the users as whom commands may be run besides that of the daemon.
type userList struct {
	users  []string
	cannot error // why the daemon cannot run anything as another user; nil if it can
}

// newUserList checks users. It refuses those that can be nobody, since whoever wrote them expected something else.
func newUserList(users []string, cannot error) (userList, error) {
	for _, u := range users {
		if problem, ok := wellFormedUser(u); !ok {
			return userList{}, fmt.Errorf("user %q %s", u, problem)
		}
	}
	return userList{users, cannot}, nil
}

// wellFormedUser reports whether a text is USER or USER:GROUP, each a name or a number, and if not, how to put that.
func wellFormedUser(text string) (problem string, ok bool) {
	const remedy = "give a name or a number, or both user and group, such as 1000:1000"
	name, group, both := strings.Cut(text, ":")
	switch {
	case name == "" || both && group == "":
		return "is no user; " + remedy, false
	case strings.ContainsAny(text, " \t\n\x00/,*?") || strings.Contains(group, ":"):
		return "is neither USER nor USER:GROUP; " + remedy, false
	default:
		return "", true
	}
}

// check records a violation unless the user, which is given, may be switched to. Users are compared as written, like commands.
func (l userList) check(v *plugin.Violations, text string) {
	if problem, ok := wellFormedUser(text); !ok {
		v.Add("user", "%.64q %s", text, problem)
		return
	}
	switch {
	case len(l.users) == 0:
		v.Add("user", "%.64q is not allowed, no user is; leave it out to run the command as the user of the daemon, or start the daemon with --exec-user %.64q",
			text, text)
	case !slices.Contains(l.users, text):
		v.Add("user", "%.64q is not allowed, only %s; give one of these as written here, or start the daemon with --exec-user %.64q too",
			text, shortList(l.users), text)
	case l.cannot != nil:
		v.Add("user", "%.64q is allowed, but %v; leave it out, or run the daemon as root", text, l.cannot)
	}
}

// identity is a user as the kernel and a command know it.
type identity struct {
	uid, gid uint32
	groups   []uint32 // supplementary
	env      []string // HOME, USER, LOGNAME; of a number without a name only HOME
}

// identify finds the user that a well-formed text stands for. It has the group that the text gives and no other, or else all its groups. Two
// numbers are complete: nobody has to know them.
func identify(text string) (*identity, error) {
	name, group, both := strings.Cut(text, ":")
	account, err := lookupUser(name)
	if err != nil {
		if uid, isID := parseID(name); isID && both {
			gid, err := findGroup(group)
			return &identity{uid: uid, gid: gid, env: []string{"HOME=/"}}, err
		}
		return nil, err
	}
	id := &identity{env: []string{"HOME=" + account.HomeDir, "USER=" + account.Username, "LOGNAME=" + account.Username}}
	if id.uid, err = toID(account.Uid); err != nil {
		return nil, err
	}
	if both {
		id.gid, err = findGroup(group)
		return id, err
	}
	err = id.joinGroups(account)
	return id, err
}

// joinGroups gives the identity all groups of its user.
func (id *identity) joinGroups(account *user.User) (err error) {
	if id.gid, err = toID(account.Gid); err != nil {
		return err
	}
	all, err := account.GroupIds()
	if err != nil {
		return fmt.Errorf("find the groups of user %q: %w", account.Username, err)
	}
	for _, text := range all {
		gid, err := toID(text)
		if err != nil {
			return err
		}
		id.groups = append(id.groups, gid)
	}
	return nil
}

func lookupUser(name string) (*user.User, error) {
	if uid, isID := parseID(name); isID {
		return user.LookupId(strconv.FormatUint(uint64(uid), 10))
	}
	return user.Lookup(name)
}

func findGroup(name string) (uint32, error) {
	if gid, isID := parseID(name); isID {
		return gid, nil
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return toID(group.Gid)
}

// parseID reads the number of a user or a group. The largest one stands for none.
func parseID(text string) (id uint32, ok bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n < 1<<32-1
}

// toID reads a number that the system has given.
func toID(text string) (uint32, error) {
	id, ok := parseID(text)
	if !ok {
		return 0, fmt.Errorf("the system calls a user or a group %q, which is no number", text)
	}
	return id, nil
}
