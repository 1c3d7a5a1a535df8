// Package tcp is the plugin that knocks: an attempt connects to an address, and that alone, or what is said then, decides between success
// and failure.
//
// # Usage
//
//	{"address": "127.0.0.1:5432"}                                            succeeds if somebody accepts the connection
//	{"address": "127.0.0.1:6379", "send": "PING\r\n", "expect": "+PONG"}     and answers as expected
//	{"address": "db.internal:5432", "tls": {"ca_file": "/etc/ca.pem"}}       and has a certificate that is valid
//	{"unix_socket": "/run/app.sock"}
//
// With restart mode ON_FAILURE it waits until a service is there; with ALWAYS and an interval it is a health check. A worked session is in
// README.md beside this file.
//
// # How an attempt ends
//
//	connected, and all that was asked for done       success
//	not connected, not shaken hands, not expected    failure that says which, with the beginning of what came
//	not done within timeout                          failure
//	canceled                                         canceled
//
// # Signs of life
//
// The connection, the handshake, and each part of an answer that comes is a heartbeat and sets the progress of the task. So a heartbeat_timeout ends an
// attempt that hangs; timeout is for the whole of it.
//
// # Guarantees
//
//   - The connection is closed with the attempt. Files of tls are read at each attempt, so certificates that were renewed count.
//   - At most 64 KiB of an answer are read; it is done with as soon as expect is among them.
//   - All addresses of a name are tried, IPv6 and IPv4, within the one timeout.
//
// It reaches whatever the daemon can reach, any unix socket that its user may open among it: give the right to add tasks only to those who may do that
// too.
package tcp
