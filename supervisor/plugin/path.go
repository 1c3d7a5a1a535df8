package plugin

import (
	"strconv"
)

// Key returns the path of the value that the object at path has under key: Key("env", "PATH") is "env.PATH". A key that is not a
// plain word is quoted: `env["a.b"]`. The path of the config as a whole is empty.
func Key(path, key string) string {
	switch {
	case !plainKey(key):
		return path + "[" + quote(key) + "]"
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

// Index returns the path of an element of the array at path: Index("command", 1) is "command[1]".
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func plainKey(key string) bool {
	if key == "" || len(key) > maxQuoted {
		return false
	}
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
