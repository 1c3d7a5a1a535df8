package daemon

import _ "time/tzdata" // time zones of schedules: a container image with nothing but the daemon in it has none. They are 450 KB of the binary.
