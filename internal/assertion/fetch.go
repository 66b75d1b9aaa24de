package assertion

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rollcall-scim/rollcall/internal/outbound"
)

// DefaultHosts are those of Microsoft Entra ID, in each of its clouds. Also the tokens of the
// issuer sts.windows.net are signed by keys that are published there.
var DefaultHosts = []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}

const (
	// fetchTime is within what time a set must be read, from the look-up of the host on.
	fetchTime = 3 * time.Second
	// freshTime is how long a set is used before it is read again: a key that an issuer
	// withdraws is accepted as long.
	freshTime = time.Hour
	// staleTime is how long a set is used if it cannot be read again.
	staleTime = 24 * time.Hour
	// missTime is how often a set is read again at most, because it lacks a key or because
	// the last attempt failed; retryTime is the same for one that was never read.
	missTime  = time.Minute
	retryTime = 10 * time.Second
	// maxSets bounds what is kept; beyond it, the set whose use is longest ago is dropped.
	maxSets = 100
	// maxHeader is how many bytes the headers of an answer may have, maxURI those of a URI.
	maxHeader = 16 << 10
	maxURI    = 2000
)

// userAgent names the sender of requests for keys.
const userAgent = "rollcall-jwks/1"

// A Fetcher reads the keys of issuers over HTTPS from the hosts that the deployment allows, and
// keeps them. It connects to the public internet only, follows no redirect and uses no proxy. It
// is safe for concurrent use.
type Fetcher struct {
	hosts  Hosts
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	sets map[string]*set
}

// A set is what is known of the keys at a URI.
type set struct {
	keys []jose.JSONWebKey
	// read is when keys were read, tried when the last attempt began, used the last use.
	read, tried, used time.Time
	// err is why the last attempt failed, nil if it did not.
	err error
	// flight is closed when the attempt under way has ended; nil if there is none.
	flight chan struct{}
}

// NewFetcher returns a Fetcher of the keys at hosts, as NewHosts has them.
func NewFetcher(hosts []string, loopback bool, now func() time.Time) *Fetcher {
	return newFetcher(hosts, loopback, newClient(outbound.Dialer(fetchTime, loopback).DialContext, &tls.Config{MinVersion: tls.VersionTLS12}), now)
}

func newFetcher(hosts []string, loopback bool, client *http.Client, now func() time.Time) *Fetcher {
	return &Fetcher{hosts: NewHosts(hosts, loopback), client: client, now: func() time.Time { return now().Round(0) }, sets: map[string]*set{}}
}

// newClient returns a client that reaches nothing but what dial connects to.
func newClient(dial func(ctx context.Context, network, address string) (net.Conn, error), config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // one from the environment could lead anywhere
			DialContext:            dial,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    fetchTime,
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURI returns an *Error if keys are not read from a URI, because of its form or its host.
func (f *Fetcher) CheckURI(uri string) error {
	if fault := f.hosts.Fault(uri); fault != "" {
		return refused(Host, "the address of the keys "+strings.TrimSuffix(fault, "."))
	}
	return nil
}

// At returns the keys at a URI.
func (f *Fetcher) At(uri string) Keys { return remote{f, uri} }

type remote struct {
	fetcher *Fetcher
	uri     string
}

// Keys returns the kept keys, or reads them.
func (r remote) Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	if err := r.fetcher.CheckURI(r.uri); err != nil {
		return nil, err
	}
	return r.fetcher.keys(ctx, r.uri, kid)
}

// keys returns the keys at a URI. All that need them wait for the same attempt.
func (f *Fetcher) keys(ctx context.Context, uri, kid string) ([]jose.JSONWebKey, error) {
	f.mu.Lock()
	s := f.set(uri)
	now := f.now()
	s.used = now
	if s.flight == nil {
		if !s.due(now, kid) {
			defer f.mu.Unlock()
			return s.answer(now, kid)
		}
		s.tried, s.flight = now, make(chan struct{})
		go f.refresh(context.WithoutCancel(ctx), uri, s)
	}
	flight := s.flight
	f.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
		return nil, refused(Unreachable, "the request ended before the keys were read")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.answer(f.now(), kid) // not as of the start: the keys are newer
}

// set returns the set of a URI, and makes room for a new one.
func (f *Fetcher) set(uri string) *set {
	if s, ok := f.sets[uri]; ok {
		return s
	}
	if len(f.sets) >= maxSets {
		oldest := ""
		for at, s := range f.sets {
			if oldest == "" || s.used.Before(f.sets[oldest].used) {
				oldest = at
			}
		}
		delete(f.sets, oldest) // a request that still waits for it has the set itself
	}
	s := &set{}
	f.sets[uri] = s
	return s
}

// kept reports whether the keys may be used, if no newer ones can be read.
func (s *set) kept(now time.Time) bool { return len(s.keys) > 0 && within(now, s.read, staleTime) }

// has reports whether a key of the set has an id; any set has "".
func (s *set) has(kid string) bool {
	return kid == "" || slices.ContainsFunc(s.keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid })
}

// due reports whether the keys are to be read again now.
func (s *set) due(now time.Time, kid string) bool {
	switch {
	case !s.kept(now):
		return !within(now, s.tried, retryTime)
	case s.has(kid) && within(now, s.read, freshTime):
		return false
	}
	return !within(now, s.tried, missTime)
}

// answer returns the keys, or why there are none. If a key is missing and the last attempt
// failed, it may be among those that could not be read.
func (s *set) answer(now time.Time, kid string) ([]jose.JSONWebKey, error) {
	switch {
	case s.kept(now) && (s.err == nil || s.has(kid)):
		return s.keys, nil
	case s.err != nil:
		return nil, s.err
	}
	return nil, refused(Unreachable, "the keys could not be read")
}

// within reports whether a time is less than d ago. A clock that was set back proves nothing.
func within(now, at time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}

// refresh reads the keys of a set. It outlasts the request that began it, because others wait
// for it.
func (f *Fetcher) refresh(ctx context.Context, uri string, s *set) {
	keys, err := f.fetch(ctx, uri)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.err = err; err == nil {
		s.keys, s.read = keys, f.now()
	}
	close(s.flight)
	s.flight = nil
}

// fetch reads the keys at a URI. Its errors are *Error.
func (f *Fetcher) fetch(ctx context.Context, uri string) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, refused(Host, "not a URI")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	request.Header.Set("User-Agent", userAgent)
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, refused(Unreachable, explain(err))
	}
	defer func() { _ = answer.Body.Close() }() // what is left of the answer does not matter
	if answer.StatusCode != http.StatusOK {
		return nil, refused(Unreachable, fmt.Sprintf("the host answered with status %d", answer.StatusCode))
	}
	if answer.Header.Get("Content-Encoding") != "" {
		return nil, refused(BadKeys, "the answer is compressed, which was not asked for")
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxSet+1))
	if err != nil {
		return nil, refused(Unreachable, explain(err))
	}
	return ParseKeys(body)
}

// explain says why there is no answer, without the URI.
func explain(err error) string {
	var address *outbound.Refusal
	var dns *net.DNSError
	var invalid *tls.CertificateVerificationError
	switch {
	case errors.As(err, &address):
		return "the host leads to " + address.Fault
	case errors.Is(err, context.DeadlineExceeded):
		return "there was no whole answer within 3 seconds"
	case errors.As(err, &dns):
		return "the host was not found"
	case errors.As(err, &invalid):
		return "the certificate of the host was not accepted"
	}
	return "the connection failed"
}
