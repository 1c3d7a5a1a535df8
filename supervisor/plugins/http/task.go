package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/taskvisor/taskvisor/supervisor"
)

// userAgent is sent unless the headers say otherwise.
const userAgent = "taskvisor"

// task is the body.
type task struct {
	config  Config
	matches *regexp.Regexp // nil without Expect.Matches
}

// NewTask returns the body for a config that has passed Validate; for plugins that call something when something else has happened.
func NewTask(c Config) supervisor.Task {
	t := &task{config: c}
	if c.Expect.Matches != "" {
		t.matches = regexp.MustCompile(c.Expect.Matches) // Validate has compiled it before
	}
	return t
}

// Run implements supervisor.Task.
func (t *task) Run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, t.config.Timeout.Std())
	defer cancel()
	err := t.call(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case expired(limited) && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no complete answer within %s", t.name(), t.config.Timeout)
	default:
		return err
	}
}

// expired reports whether the deadline is over. What obeys deadlines by itself may give up a moment before the context is done.
func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// name says what is called, without a password.
func (t *task) name() string {
	text := t.config.URL
	if u, err := url.Parse(t.config.URL); err == nil {
		text = u.Redacted()
	}
	if t.config.UnixSocket != "" {
		text += " at " + t.config.UnixSocket
	}
	return fmt.Sprintf("%s %s", t.config.Method, text)
}

// call sends the request and judges the answer.
func (t *task) call(ctx context.Context) error {
	request, err := t.request(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", t.name(), err)
	}
	client, err := t.client()
	if err != nil {
		return fmt.Errorf("%s: %w", t.name(), err)
	}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", t.name(), unwrapURL(err))
	}
	defer response.Body.Close()
	supervisor.Progress(ctx, response.Status)
	arriving := &arrival{Reader: response.Body, ctx: ctx, status: response.Status}
	body, more, err := readAtMost(arriving, t.config.MaxBody)
	if err != nil {
		return fmt.Errorf("%s: %s, but its body broke off after %d bytes: %w", t.name(), response.Status, len(body), err)
	}
	if supervisor.Captures(ctx) {
		_, _ = supervisor.Output(ctx).Write(body) // never fails
	}
	return t.judge(response, body, more)
}

func (t *task) request(ctx context.Context) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, string(t.config.Method), t.config.URL, strings.NewReader(t.config.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	for name, value := range t.config.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

// client returns a client for one attempt. Its connections are not kept: the next attempt is there to find out whether one can be had.
func (t *task) client() (*http.Client, error) {
	config, err := t.config.TLS.Load()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: t.config.ConnectTimeout.Std()}
	transport := &http.Transport{
		TLSClientConfig:     config,
		TLSHandshakeTimeout: t.config.ConnectTimeout.Std(),
		DialContext:         dialer.DialContext,
		DisableKeepAlives:   true,
		ForceAttemptHTTP2:   true,
	}
	if socket := t.config.UnixSocket; socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: t.redirect}, nil
}

// redirect decides whether to follow a redirect.
func (t *task) redirect(_ *http.Request, before []*http.Request) error {
	switch followed := len(before); {
	case t.config.MaxRedirects == 0:
		return http.ErrUseLastResponse
	case followed > t.config.MaxRedirects:
		return fmt.Errorf("more than %d redirects; raise max_redirects if they lead somewhere", t.config.MaxRedirects)
	default:
		return nil
	}
}

// unwrapURL takes the words away that url.Error has around an error: they name method and URL again, and the password in it.
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// reason returns the text of an error without the input, which whoever prints it has quoted already, cut to a decent length.
func reason(err error) string {
	if err == nil {
		return ""
	}
	text := unwrapURL(err).Error()
	return strings.TrimPrefix(text, "error parsing regexp: ")
}

// arrival tells of what comes of a body, which is a sign of life for a task that has to give them.
type arrival struct {
	io.Reader
	ctx    context.Context //nolint:containedctx // that of the attempt
	status string
	bytes  int
}

// Read implements io.Reader.
func (a *arrival) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 {
		a.bytes += n
		supervisor.Progress(a.ctx, fmt.Sprintf("%s, %d bytes so far", a.status, a.bytes))
	}
	return n, err
}

// readAtMost reads the beginning of a body, and reports whether there is more.
func readAtMost(r io.Reader, limit int) (body []byte, more bool, err error) {
	body, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(body) > limit {
		return body[:limit], true, nil
	}
	return body, false, err
}

// judge says whether the answer is right.
func (t *task) judge(response *http.Response, body []byte, more bool) error {
	problem := t.problem(response, body)
	if problem == "" {
		return nil
	}
	err := fmt.Errorf("%s: %s%s", t.name(), problem, excerpt(body, more))
	if t.config.FatalStatus.contains(response.StatusCode) {
		return supervisor.Fatal(err)
	}
	if delay, ok := retryAfter(response, time.Now()); ok {
		return supervisor.RetryAfter(err, min(delay, t.config.MaxRetryAfter.Std()))
	}
	return err
}

// problem says what is wrong with the answer; nothing if it is right.
func (t *task) problem(response *http.Response, body []byte) string {
	expect := &t.config.Expect
	switch {
	case t.config.FatalStatus.contains(response.StatusCode):
		return fmt.Sprintf("%s, after which there is no use in another attempt", status(response))
	case !expect.Status.contains(response.StatusCode):
		return fmt.Sprintf("%s instead of %s", status(response), expect.Status)
	case expect.Contains != "" && !bytes.Contains(body, []byte(expect.Contains)):
		return fmt.Sprintf("%s, but the body does not contain %.64q", status(response), expect.Contains)
	case t.matches != nil && !t.matches.Match(body):
		return fmt.Sprintf("%s, but the body does not match %.64q", status(response), expect.Matches)
	}
	return ""
}

// status says what the answer is, and where a redirect leads.
func status(response *http.Response) string {
	text := fmt.Sprint(response.StatusCode)
	if name := http.StatusText(response.StatusCode); name != "" {
		text += " " + name
	}
	if location := response.Header.Get("Location"); location != "" && response.StatusCode/100 == 3 {
		text += fmt.Sprintf(" to %.128q", location)
	}
	return text
}

// maxExcerpt is how many bytes of a body an error shows.
const maxExcerpt = 256

// excerpt returns the beginning of a body for the end of an error.
func excerpt(body []byte, more bool) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return ""
	}
	if len(body) > maxExcerpt {
		end := maxExcerpt
		for end > maxExcerpt-utf8.UTFMax && !utf8.RuneStart(body[end]) {
			end--
		}
		body, more = body[:end], true
	}
	text := fmt.Sprintf("; it begins with %q", body)
	if !more {
		text = fmt.Sprintf("; it says %q", body)
	}
	return text
}

// maxSeconds is how many seconds fit into a time.Duration.
const maxSeconds = uint64(math.MaxInt64 / time.Second)

// retryAfter returns the delay that an answer asks for: a number of seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(response *http.Response, now time.Time) (time.Duration, bool) {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	text := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, maxSeconds)) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}
