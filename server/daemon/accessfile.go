package daemon

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// minToken is the shortest token that is accepted: as many characters as 64 random bits have in hexadecimal.
const minToken = 16

// accessFile reads the file of tokens and of what is granted to client certificates. None of its messages has a token in it.
type accessFile struct {
	access  *server.Access
	setting string // where the file is named, for messages
	mutual  bool   // client certificates are verified
}

// newReloader returns what loads the file.
func (a *accessFile) newReloader(c *config) *reloader {
	return &reloader{
		what: "list of tokens", judge: a.judge, order: []string{"auth-tokens"}, files: map[string]string{"auth-tokens": c.authTokens},
	}
}

// judge takes the one file.
func (a *accessFile) judge(files []secretFile) (l loading) {
	f := files[0]
	if f.err != nil {
		l.problems = []string{fmt.Sprintf("%s: %v", a.setting, f.err)}
		return l
	}
	if f.mode&othersWrite != 0 {
		l.problems = []string{fmt.Sprintf("%s: %s can be written by all users of this machine, who could make themselves administrators; "+
			"chmod 600 protects it", a.setting, f.path)}
		return l
	}
	list := &accessList{file: yamlfile.Parse(f.path, f.data), mutual: a.mutual, known: map[string]int{}}
	if problems := list.file.Problems(); problems != nil {
		// What the parser says can have a piece of a token in it.
		l.problems = []string{yamlfile.Problem{File: f.path, Line: problems[0].Line, Text: "is neither YAML nor JSON here; put values in quotes"}.Error()}
		return l
	}
	list.read()
	for _, p := range list.file.Problems() {
		l.problems = append(l.problems, p.Error())
	}
	if l.problems != nil {
		return l
	}
	if list.plain && f.mode&othersRead != 0 {
		l.warnings = []string{fmt.Sprintf("%s: %s can be read by all users of this machine, and has tokens in it; "+
			"chmod 600 protects them, token_sha256 hides them", a.setting, f.path)}
	}
	if err := new(server.Access).Set(list.grants...); err != nil { // what this file does not know to be wrong
		l.problems = []string{fmt.Sprintf("%s: %s: %v", a.setting, f.path, err)}
	}
	l.summary = []any{"grants", len(list.grants)}
	l.apply = func() { _ = a.access.Set(list.grants...) } // they have just been judged
	return l
}

// accessList is what a file grants.
type accessList struct {
	file   *yamlfile.File
	mutual bool
	grants []server.Grant
	plain  bool           // there are tokens in it, not only hashes
	known  map[string]int // lines of credentials
}

func (a *accessList) read() {
	f := a.file
	for i, document := range f.Documents() {
		switch {
		case i > 0:
			f.Report(document, "", "is a second document; a list of tokens is one")
			return
		case !yamlfile.IsMapping(document):
			f.Report(document, "", "is no mapping; write tokens: with a list below, of name, role and token or token_sha256")
			return
		}
		for _, field := range f.Fields(document, "") {
			a.section(field)
		}
	}
	if f.Count() == 0 && len(a.grants) == 0 {
		f.Report(&yamlfile.Node{}, "", "grants nothing to anybody; add a token: a name, a role and token or token_sha256")
	}
}

func (a *accessList) section(field yamlfile.Field) {
	var entry func(*yamlfile.Node, string)
	switch {
	case field.Name == "tokens":
		entry = a.token
	case field.Name == "certificates":
		entry = a.certificate
		if !a.mutual && !yamlfile.IsNull(field.Value) {
			a.file.Report(field.Key, field.Name, "have no effect without --tls-client-ca, whose authorities verify them; give it, or remove them")
		}
	case strings.HasPrefix(field.Name, "x-"):
		return
	default:
		a.file.Unknown(field, field.Name, []string{"tokens", "certificates"})
		return
	}
	switch {
	case yamlfile.IsNull(field.Value):
	case !yamlfile.IsList(field.Value):
		a.file.Report(field.Value, field.Name, "wants a list")
	default:
		for i, node := range a.file.List(field.Value, field.Name) {
			if path := yamlfile.Index(field.Name, i); yamlfile.IsMapping(node) {
				entry(node, path)
			} else {
				a.file.Report(node, path, "wants a mapping")
			}
		}
	}
}

// fields returns the entries of a mapping that may have these keys, and reports others.
func (a *accessList) fields(node *yamlfile.Node, path string, keys ...string) map[string]*yamlfile.Node {
	found := map[string]*yamlfile.Node{}
	for _, field := range a.file.Fields(node, path) {
		at := yamlfile.Join(path, field.Name)
		known := false
		for _, key := range keys {
			known = known || key == field.Name
		}
		switch {
		case !known:
			a.file.Unknown(field, at, keys)
		case !yamlfile.IsNull(field.Value):
			found[field.Name] = field.Value
		}
	}
	return found
}

// token reads an entry of tokens.
func (a *accessList) token(node *yamlfile.Node, path string) {
	before := a.file.Count()
	fields := a.fields(node, path, "name", "role", "token", "token_sha256")
	g := server.Grant{Principal: a.required(node, fields, path, "name"), Role: a.role(node, fields, path)}
	plain, hash := fields["token"], fields["token_sha256"]
	switch {
	case (plain == nil) == (hash == nil):
		a.file.Report(node, path, "wants one of token and token_sha256")
	case plain != nil:
		a.plain = true
		if text, ok := a.file.Secret(plain, yamlfile.Join(path, "token")); ok {
			a.checkToken(plain, yamlfile.Join(path, "token"), text)
			g.Token = server.HashToken(text)
		}
	default:
		g.Token = a.hash(hash, yamlfile.Join(path, "token_sha256"))
	}
	a.add(node, path, g, before, string(g.Token[:]), "the token")
}

func (a *accessList) checkToken(node *yamlfile.Node, path, token string) {
	switch {
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		a.file.Report(node, path, "has characters that cannot be sent in a header; use letters, digits and punctuation, without spaces")
	case len(token) < minToken:
		a.file.Report(node, path, "has %d characters, which can be guessed; use at least %d, such as openssl rand -hex 32 prints", len(token), minToken)
	case len(token) > server.MaxToken:
		a.file.Report(node, path, "has %d characters; use at most %d", len(token), server.MaxToken)
	}
}

func (a *accessList) hash(node *yamlfile.Node, path string) (hash server.TokenHash) {
	text, ok := a.file.Secret(node, path)
	if !ok {
		return hash
	}
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != len(hash) {
		a.file.Report(node, path, "is no SHA-256 in hexadecimal; write the 64 digits that printf %%s TOKEN | sha256sum prints")
		return hash
	}
	return server.TokenHash(sum)
}

// certificate reads an entry of certificates.
func (a *accessList) certificate(node *yamlfile.Node, path string) {
	before := a.file.Count()
	fields := a.fields(node, path, "name", "role", "uri", "dns", "common_name")
	g := server.Grant{Role: a.role(node, fields, path)}
	given := 0
	for key, value := range map[string]*string{"uri": &g.URI, "dns": &g.DNS, "common_name": &g.CommonName} {
		if fields[key] != nil {
			*value = a.required(node, fields, path, key)
			given++
		}
	}
	if given != 1 {
		a.file.Report(node, path, "wants one of uri, dns and common_name")
	}
	identity := g.URI + g.DNS + g.CommonName
	g.Principal = "cert:" + identity
	if fields["name"] != nil {
		g.Principal = a.required(node, fields, path, "name")
	}
	a.add(node, path, g, before, strings.Join([]string{g.URI, strings.ToLower(g.DNS), g.CommonName}, "\n"), fmt.Sprintf("%q", identity))
}

// required returns the text of a key that has to be there.
func (a *accessList) required(node *yamlfile.Node, fields map[string]*yamlfile.Node, path, key string) string {
	value := fields[key]
	if value == nil {
		a.file.Report(node, yamlfile.Join(path, key), "is missing")
		return ""
	}
	text, ok := a.file.Text(value, yamlfile.Join(path, key))
	if ok && text == "" {
		a.file.Report(value, yamlfile.Join(path, key), "is empty")
	}
	return text
}

func (a *accessList) role(node *yamlfile.Node, fields map[string]*yamlfile.Node, path string) server.Role {
	text := a.required(node, fields, path, "role")
	if text == "" {
		return 0
	}
	role, err := server.ParseRole(text)
	if err != nil {
		a.file.Report(fields["role"], yamlfile.Join(path, "role"), "%v", err)
	}
	return role
}

// add keeps a grant that was read without a new problem.
func (a *accessList) add(node *yamlfile.Node, path string, g server.Grant, before int, key, what string) {
	if a.file.Count() > before {
		return
	}
	if err := g.Validate(); err != nil {
		a.file.Report(node, path, "%v", err)
		return
	}
	if line, twice := a.known[key]; twice {
		a.file.Report(node, path, "%s is on line %d already; remove one", what, line)
		return
	}
	a.known[key] = node.Line
	a.grants = append(a.grants, g)
}
