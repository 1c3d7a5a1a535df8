package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/taskvisor/taskvisor/supervisor"
)

// Limits of a page, as the contract states them.
const (
	defaultPageSize = 100
	maxPageSize     = 1000
)

// pageRequest is a request for one page of a list.
type pageRequest interface {
	proto.Message
	GetPageToken() string
}

// pageToken says where in which list a page begins. It is opaque to callers, and only good for the list that it is of: the same request
// again, on the same server process.
type pageToken struct {
	Query  string            `json:"q"` // digest of the request
	Cursor supervisor.Cursor `json:"c"` // taken before the first page
	Name   string            `json:"n"` // of the last item of the page before; empty on the first page
	UID    supervisor.UID    `json:"u"` // of the same
}

// after returns the token of the page after this item.
func (t pageToken) after(name string, uid supervisor.UID) pageToken {
	t.Name, t.UID = name, uid
	return t
}

// maxTokenBytes is more than the longest token there is, and what somebody else's may cost at most.
const maxTokenBytes = 2048

// sumSize is how many bytes of a hash protect a token against accidents. It is no secret: whoever forges a token can choose where a page
// begins, which they can anyway.
const sumSize = 8

// String returns the token as it is sent.
func (t pageToken) String() string {
	payload, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	sum := sha256.Sum256(payload)
	return base64.RawURLEncoding.EncodeToString(append(sum[:sumSize], payload...))
}

var errNoToken = errors.New("not a page token")

func parsePageToken(text string) (t pageToken, err error) {
	if len(text) > maxTokenBytes {
		return t, errNoToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < sumSize {
		return t, errNoToken
	}
	payload := raw[sumSize:]
	if sum := sha256.Sum256(payload); !bytes.Equal(sum[:sumSize], raw[:sumSize]) {
		return t, errNoToken
	}
	if json.Unmarshal(payload, &t) != nil || t.String() != text { // decoders are lenient: with line breaks, for one
		return pageToken{}, errNoToken
	}
	return t, nil
}

// pageToken returns where the page of the request begins. now is what the cursor of a first page is to be.
func (v *violations) pageToken(req pageRequest, now supervisor.Cursor) pageToken {
	query := queryDigest(req)
	if req.GetPageToken() == "" {
		return pageToken{Query: query, Cursor: now}
	}
	const field = "page_token"
	t, err := parsePageToken(req.GetPageToken())
	switch {
	case err != nil:
		v.add(field, "%s is no page token; give the next_page_token of the page before as it was, or none for the first page", quote(req.GetPageToken()))
	case t.Query != query:
		v.add(field, "it belongs to another request; leave the other fields as they were for the page before, or give no token for the first page")
	case t.Cursor.Epoch != now.Epoch:
		v.add(field, "it is of a server that was started anew since; give no token for the first page")
	}
	return t
}

// pageSize returns how many items a page has at most.
func (v *violations) pageSize(given int32) int {
	v.check(given >= 0 && given <= maxPageSize, "page_size", "%d is out of range; give 1 to %d, or 0 for %d", given, maxPageSize, defaultPageSize)
	if given == 0 {
		return defaultPageSize
	}
	return int(given)
}

// queryDigest identifies what a request asks for, whatever page of it.
func queryDigest(req pageRequest) string {
	query := proto.Clone(req).ProtoReflect()
	fields := query.Descriptor().Fields()
	query.Clear(fields.ByName("page_size"))
	query.Clear(fields.ByName("page_token"))
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(query.Interface())
	if err != nil {
		panic(err) // it was decoded from the same bytes
	}
	sum := sha256.Sum256(append([]byte(query.Descriptor().FullName()), encoded...))
	return hex.EncodeToString(sum[:sumSize])
}
