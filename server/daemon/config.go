package daemon

import (
	"log/slog"
	"time"
)

// config is what the settings of all layers come to.
type config struct {
	listen                 string // HOST:PORT; empty for none
	insecure               bool
	socket                 string // path; empty for none
	tlsCert                string // files; empty for none
	tlsKey                 string
	tlsClientCA            string
	authTokens             string
	healthListen           string   // HOST:PORT; empty for none
	httpListen             string   // so too
	tasks                  string   // file or directory; empty for none
	plugins                []string // nil for the default
	execAllow              []string
	execUser               []string
	grace                  time.Duration
	maxConcurrent          int // 0 for no limit
	maxTasks               int
	slotQueue              int
	retainedTasks          int // 0 for none
	retainedAge            time.Duration
	outputRate             int // lines a second
	maxConnections         int // of each listener
	outputBurst            int
	maxCallsPerConnection  int // streams included
	maxRequestBytes        int
	maxStreams             int
	maxStreamsPerPrincipal int
	requestRate            int // calls a second, of each caller; 0 for no limit
	maxRequestIDs          int
	keepaliveTime          time.Duration
	keepaliveTimeout       time.Duration
	handshakeTimeout       time.Duration
	eventBuffer            int
	watchLinger            time.Duration // 0 for none
	logFormat              string
	logLevel               slog.Level

	origins    map[string]string // where the value of each setting comes from; no entry for a default
	unknownEnv []string          // environment variables that look like settings and are none
}

// origin says where the value of a setting comes from, for a message.
func (c *config) origin(setting string) string {
	if origin := c.origins[setting]; origin != "" {
		return origin
	}
	return "--" + setting
}

// check returns what is wrong with settings that are right one by one.
func (c *config) check() []string {
	var problems []string
	if c.listen == "" && c.socket == "" {
		problems = append(problems, c.origin("listen")+": there is nothing to listen on; give an address or --socket PATH")
	}
	problems = append(problems, c.checkTLS()...)
	return append(problems, c.checkExec()...)
}

// checkTLS looks at the files of TLS that are given without those that they need.
func (c *config) checkTLS() (problems []string) {
	problem := func(setting, text string) { problems = append(problems, c.origin(setting)+": "+text) }
	switch {
	case c.tlsCert != "" && c.tlsKey == "":
		problem("tls-cert", "the certificate needs its key; give --tls-key FILE")
	case c.tlsKey != "" && c.tlsCert == "":
		problem("tls-key", "the key needs its certificate; give --tls-cert FILE")
	case c.tlsClientCA != "" && c.tlsCert == "":
		problem("tls-client-ca", "certificates of clients need TLS; give --tls-cert FILE and --tls-key FILE as well")
	case c.tlsCert != "" && c.listen == "":
		problem("tls-cert", "TLS is for --listen, which is none; give an address, or no certificate")
	}
	return problems
}

// lacks says what protection --listen lacks, to be put behind "nothing on it is"; empty when it has all. What can be done about it is remedy.
func (c *config) lacks() (what, remedy string) {
	encrypted, authenticated := c.tlsCert != "", c.authTokens != "" || c.tlsClientCA != ""
	switch {
	case !encrypted && !authenticated:
		return "encrypted or authenticated", "give --tls-cert and --tls-key, and --auth-tokens or --tls-client-ca"
	case !encrypted:
		return "encrypted", "give --tls-cert and --tls-key"
	case !authenticated:
		return "authenticated", "give --auth-tokens or --tls-client-ca"
	default:
		return "", ""
	}
}

// execPlugin is the plugin that runs commands. Which commands it may run has to be said, so naming the plugin is not enough to enable it.
const execPlugin = "exec"

// checkExec compares the settings that enable exec. Where several are given they have to agree: none is ignored.
func (c *config) checkExec() []string {
	named := false
	for _, name := range c.plugins {
		named = named || name == execPlugin
	}
	switch allowed := len(c.execAllow) > 0; {
	case named && !allowed:
		return []string{c.origin("plugins") + ": exec runs only commands that are allowed; give --exec-allow COMMAND for each, such as --exec-allow date"}
	case allowed && c.plugins != nil && !named:
		return []string{c.origin("exec-allow") + ": commands are allowed, but exec is not among the plugins of " + c.origin("plugins") + "; add exec there, or allow no commands"}
	case len(c.execUser) > 0 && !allowed:
		return []string{c.origin("exec-user") + ": users are allowed, but no commands; give --exec-allow COMMAND for each, or allow no users"}
	default:
		return nil
	}
}
