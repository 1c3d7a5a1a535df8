package daemon

import (
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server"
)

// judged returns what comes of a file of tokens.
func judged(text string, mutual bool) (*server.Access, loading) {
	file := &accessFile{access: new(server.Access), setting: "--auth-tokens", mutual: mutual}
	l := file.judge([]secretFile{{path: "t.yaml", data: []byte(text), mode: 0o600}})
	if l.problems == nil {
		l.apply()
	}
	return file.access, l
}

func TestTokensFile(t *testing.T) {
	const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", FIPS 180-4
	for name, text := range map[string]string{
		"block":     "tokens:\n- name: ann\n  role: watch\n  token: \"0123456789abcdef\"\n- name: bob\n  role: admin\n  token_sha256: " + hash + "\n",
		"flow":      `tokens: [{name: ann, role: watch, token: "0123456789abcdef"}, {name: bob, role: admin, token_sha256: ` + strings.ToUpper(hash) + "}]",
		"JSON":      `{"tokens": [{"name": "ann", "role": "watch", "token": "0123456789abcdef"}, {"name": "bob", "role": "admin", "token_sha256": "` + hash + `"}]}`,
		"anchors":   "x-a: &a {role: watch}\ntokens:\n- {<<: *a, name: ann, token: \"0123456789abcdef\"}\n- {<<: *a, role: admin, name: bob, token_sha256: " + hash + "}\ncertificates:\n",
		"mutual":    "tokens:\n- {name: ann, role: watch, token: \"0123456789abcdef\"}\n- {name: bob, role: admin, token_sha256: " + hash + "}\ncertificates:\n- {dns: a.example, role: watch}\n- {uri: 'spiffe://x/y', role: admin, name: y}\n- {common_name: z, role: operate}\n",
		"two names": "tokens:\n- {name: ann, role: admin, token: fedcba9876543210}\n- {name: ann, role: watch, token: \"0123456789abcdef\"}\n- {name: bob, role: admin, token_sha256: " + hash + "}\n",
	} {
		access, l := judged(text, name == "mutual")
		if l.problems != nil {
			t.Errorf("%s: %q", name, l.problems)
			continue
		}
		for token, want := range map[string]server.Identity{
			"0123456789abcdef": {Principal: "ann", Role: server.RoleWatch}, "abc": {Principal: "bob", Role: server.RoleAdmin},
		} {
			if id, err := access.Bearer("Bearer " + token); err != nil || id.Principal != want.Principal || id.Role != want.Role {
				t.Errorf("%s: %q is %+v, %v", name, token, id, err)
			}
		}
	}
}

// Each mistake, with the exact message: file, line and field, and never a token.
func TestTokensFileMistakes(t *testing.T) {
	const secret = "s3cret-s3cret-s3cret"
	const good = "tokens:\n- {name: ann, role: watch, token: " + secret + "}\n"
	for text, want := range map[string]string{
		"":                                   "t.yaml: grants nothing to anybody; add a token: a name, a role and token or token_sha256",
		"tokens: []\n":                       "t.yaml: grants nothing to anybody; add a token: a name, a role and token or token_sha256",
		secret:                               "t.yaml:1: is no mapping; write tokens: with a list below, of name, role and token or token_sha256",
		"- " + secret:                        "t.yaml:1: is no mapping; write tokens: with a list below, of name, role and token or token_sha256",
		"token: []":                          "t.yaml:1: token: is no known field; did you mean tokens?",
		good + "---\na: b":                   "t.yaml:4: is a second document; a list of tokens is one",
		"tokens: " + secret:                  "t.yaml:1: tokens: wants a list",
		"tokens: [" + secret + "]":           "t.yaml:1: tokens[0]: wants a mapping",
		"tokens:\n- {name: *" + secret + "}": "t.yaml:2: is neither YAML nor JSON here; put values in quotes",
		"tokens:\n- {role: watch, token: " + secret + "}":                                          "t.yaml:2: tokens[0].name: is missing",
		"tokens:\n- {name: '', role: watch, token: " + secret + "}":                                "t.yaml:2: tokens[0].name: is empty",
		"tokens:\n- {name: ann, token: " + secret + "}":                                            "t.yaml:2: tokens[0].role: is missing",
		"tokens:\n- {name: ann, role: root, token: " + secret + "}":                                `t.yaml:2: tokens[0].role: "root" is no role; give one of watch, operate, admin`,
		"tokens:\n- {name: a b, role: watch, token: " + secret + "}":                               `t.yaml:2: tokens[0]: "a b" cannot name a principal; give a name without spaces and control characters`,
		"tokens:\n- {name: 'unix:0', role: watch, token: " + secret + "}":                          `t.yaml:2: tokens[0]: "unix:0" looks like a name that the server makes; give one that does not begin with unix: or cert:`,
		"tokens:\n- {name: ann, role: watch}":                                                      "t.yaml:2: tokens[0]: wants one of token and token_sha256",
		"tokens:\n- {name: ann, role: watch, token: " + secret + ", token_sha256: " + secret + "}": "t.yaml:2: tokens[0]: wants one of token and token_sha256",
		"tokens:\n- {name: ann, role: watch, token: short}":                                        "t.yaml:2: tokens[0].token: has 5 characters, which can be guessed; use at least 16, such as openssl rand -hex 32 prints",
		"tokens:\n- {name: ann, role: watch, token: " + strings.Repeat("x", 5000) + "}":            "t.yaml:2: tokens[0].token: has 5000 characters; use at most 4096",
		"tokens:\n- {name: ann, role: watch, token: " + secret + " x}":                             "t.yaml:2: tokens[0].token: has characters that cannot be sent in a header; use letters, digits and punctuation, without spaces",
		"tokens:\n- {name: ann, role: watch, token: 1234567890123456}":                             "t.yaml:2: tokens[0].token: wants text; put it in quotes",
		"tokens:\n- {name: ann, role: watch, token: [" + secret + "]}":                             "t.yaml:2: tokens[0].token: wants text; put it in quotes",
		"tokens:\n- {name: ann, role: watch, token_sha256: " + secret + "}":                        "t.yaml:2: tokens[0].token_sha256: is no SHA-256 in hexadecimal; write the 64 digits that printf %s TOKEN | sha256sum prints",
		"tokens:\n- {name: ann, role: watch, tokn: " + secret + "}":                                "t.yaml:2: tokens[0].tokn: is no known field; did you mean token?\nt.yaml:2: tokens[0]: wants one of token and token_sha256",
		good + "- {name: bob, role: admin, token: " + secret + "}":                                 "t.yaml:3: tokens[1]: the token is on line 2 already; remove one",
		good + "certificates:\n- {dns: a, role: watch}":                                            "t.yaml:3: certificates: have no effect without --tls-client-ca, whose authorities verify them; give it, or remove them",
	} {
		_, l := judged(text, false)
		if got := strings.Join(l.problems, "\n"); got != want || strings.Contains(got, secret) {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"certificates:\n- {role: watch}":                                               "t.yaml:2: certificates[0]: wants one of uri, dns and common_name",
		"certificates:\n- {role: watch, dns: a, uri: b}":                               "t.yaml:2: certificates[0]: wants one of uri, dns and common_name",
		"certificates:\n- {role: watch, dns: ''}":                                      "t.yaml:2: certificates[0].dns: is empty",
		"certificates:\n- {dns: a}":                                                    "t.yaml:2: certificates[0].role: is missing",
		"certificates:\n- {role: watch, dns: a.b}\n- {role: admin, dns: A.B, name: x}": `t.yaml:3: certificates[1]: "A.B" is on line 2 already; remove one`,
	} {
		_, l := judged(text, true)
		if got := strings.Join(l.problems, "\n"); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// A file of tokens may be anything: it is judged without a panic, and is either put into force or refused.
func FuzzTokensFile(f *testing.F) {
	f.Add([]byte(tokensYAML), true)
	f.Add([]byte("certificates:\n- {dns: a, role: watch}\n"), true)
	f.Add([]byte(`{"tokens": [{"name": "a", "role": "admin", "token_sha256": "00"}]}`), false)
	f.Add([]byte("tokens: &a [*a, {<<: *a}]\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, mutual bool) {
		file := &accessFile{access: new(server.Access), setting: "--auth-tokens", mutual: mutual}
		l := file.judge([]secretFile{{path: "t.yaml", data: data, mode: 0o600}})
		if (l.apply == nil) == (l.problems == nil) {
			t.Errorf("%d problems, and something to apply: %t", len(l.problems), l.apply != nil)
		}
	})
}
