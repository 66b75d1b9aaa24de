package assertion

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/rollcall-scim/rollcall/internal/outbound"
)

// point is an EC key, to which a set adds its id.
const point = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":%q}`

// setOf returns a set with a key of each id.
func setOf(kids ...string) string {
	var all []string
	for _, kid := range kids {
		all = append(all, fmt.Sprintf(point, kid))
	}
	return `{"keys":[` + strings.Join(all, ",") + `]}`
}

const keysURI = "https://keys.example/jwks"

// An issuer serves keys over connections in memory, in virtual time.
type issuer struct {
	mu       sync.Mutex
	kids     []string
	down     bool
	requests int
	answer   http.HandlerFunc // nil for the keys
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.requests++
	kids, down, answer := i.kids, i.down, i.answer
	i.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		_, _ = io.WriteString(w, setOf(kids...))
	}
}

func (i *issuer) set(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests
}

// direct is a transport that calls a handler.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	reader, writer := io.Pipe()
	w := &pipedAnswer{header: http.Header{}, body: writer, begun: make(chan int, 1)}
	go func() {
		d.handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		_ = writer.Close()
	}()
	stop := context.AfterFunc(r.Context(), func() { _ = reader.CloseWithError(r.Context().Err()) })
	select {
	case status := <-w.begun:
		return &http.Response{StatusCode: status, Header: w.header, Body: closing{reader, stop}, Request: r}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

type closing struct {
	*io.PipeReader
	stop func() bool
}

func (c closing) Close() error {
	c.stop()
	return c.PipeReader.Close()
}

type pipedAnswer struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	begun  chan int
}

func (w *pipedAnswer) Header() http.Header { return w.header }

func (w *pipedAnswer) WriteHeader(status int) { w.once.Do(func() { w.begun <- status }) }

func (w *pipedAnswer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (i *issuer) fetcher() *Fetcher {
	client := newClient(nil, nil)
	client.Transport = direct{i}
	return newFetcher([]string{"keys.example", "other.example"}, false, client, time.Now)
}

// kidsOf returns the ids of the keys at the URI, and the reason why there are none.
func kidsOf(t *testing.T, f *Fetcher, kid string) (kids []string, r Reason) {
	t.Helper()
	keys, err := f.At(keysURI).Keys(t.Context(), kid)
	if err != nil {
		return nil, reasonOf(t, err)
	}
	for _, k := range keys {
		kids = append(kids, k.KeyID)
	}
	return kids, ""
}

func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	var known *Error
	require.ErrorAs(t, err, &known)
	return known.Reason
}

// Keys are kept for an hour, read again for a new key once a minute at most, and used for a day
// while their host is down.
func TestFetcher_KeepsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{kids: []string{"a"}}
		f := i.fetcher()
		step := func(name, kid string, wantKids []string, wantReason Reason, wantRequests int) {
			t.Helper()
			kids, r := kidsOf(t, f, kid)
			require.Equal(t, wantKids, kids, name)
			require.Equal(t, wantReason, r, name)
			require.Equal(t, wantRequests, i.count(), name)
		}
		step("the first", "a", []string{"a"}, "", 1)
		step("kept", "a", []string{"a"}, "", 1)
		step("no kid is in any set", "", []string{"a"}, "", 1)
		step("a new key within a minute", "b", []string{"a"}, "", 1)
		i.set(func(i *issuer) { i.kids = []string{"a", "b"} })
		time.Sleep(time.Minute)
		step("a new key after a minute", "b", []string{"a", "b"}, "", 2)
		step("an unknown key costs nothing within a minute", "x", []string{"a", "b"}, "", 2)
		time.Sleep(time.Minute)
		step("and one request after it", "x", []string{"a", "b"}, "", 3)
		i.set(func(i *issuer) { i.kids = []string{"b"} })
		time.Sleep(time.Hour - time.Second)
		step("for an hour", "a", []string{"a", "b"}, "", 3)
		time.Sleep(time.Second)
		step("a withdrawn key after an hour", "a", []string{"b"}, "", 4)
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour)
		step("while the host is down", "b", []string{"b"}, "", 5)
		step("which is asked once a minute", "b", []string{"b"}, "", 5)
		step("a key that may be new cannot be known", "c", nil, Unreachable, 5)
		time.Sleep(23*time.Hour - time.Second)
		step("for a day", "b", []string{"b"}, "", 6)
		time.Sleep(time.Minute)
		step("and no longer", "b", nil, Unreachable, 7)
		step("then it is asked every ten seconds", "b", nil, Unreachable, 7)
		time.Sleep(retryTime)
		i.set(func(i *issuer) { i.down, i.kids = false, []string{"c"} })
		step("until it is up again", "c", []string{"c"}, "", 8)
	})
}

// A clock that was set back makes no keys fresh, and stops no attempt.
func TestFetcher_ClockSetBack(t *testing.T) {
	i := &issuer{kids: []string{"a"}}
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f := i.fetcher()
	f.now = func() time.Time { return now }
	_, r := kidsOf(t, f, "a")
	require.Empty(t, r)
	now = now.Add(-time.Hour)
	_, r = kidsOf(t, f, "a")
	require.Empty(t, r)
	require.Equal(t, 2, i.count())
}

// Requests at once cause one attempt, whose result is for all of them, also if the one that began
// it is gone.
func TestFetcher_OneAttemptForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = io.WriteString(w, setOf("a"))
		}}
		f := i.fetcher()
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := f.At(keysURI).Keys(first, "a")
			assert.Equal(t, Unreachable, reasonOf(t, err))
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				keys, err := f.At(keysURI).Keys(t.Context(), "a")
				assert.NoError(t, err)
				assert.Len(t, keys, 1)
			})
		}
		synctest.Wait()
		leave()
		wg.Wait()
		require.Equal(t, 1, i.count())
	})
}

func TestFetcher_RefusesHostileAnswers(t *testing.T) {
	huge := strings.Repeat("x", MaxSet)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		reason Reason
	}{
		"an error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, Unreachable},
		"not found": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, setOf("a"))
		}, Unreachable},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example/jwks", http.StatusFound)
		}, Unreachable},
		"a redirect to the metadata of the instance": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
		}, Unreachable},
		"no content":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, Unreachable},
		"an empty body": {func(http.ResponseWriter, *http.Request) {}, BadKeys},
		"HTML":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html></html>") }, BadKeys},
		"no keys":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) }, BadKeys},
		"too large":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, setOf("a")[:10]+huge) }, BadKeys},
		"too large JSON": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"x":"`+huge+`",`+setOf("a")[1:])
		}, BadKeys},
		"deeply nested": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("[", MaxSet)) }, BadKeys},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb(t))
		}, BadKeys},
		"compressed, and not said": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bomb(t)) }, BadKeys},
		"no answer":                {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Unreachable},
		"a slow body": {func(w http.ResponseWriter, r *http.Request) {
			for _, b := range []byte(setOf("a")) {
				time.Sleep(100 * time.Millisecond)
				if _, err := w.Write([]byte{b}); err != nil {
					return
				}
			}
		}, Unreachable},
		"an endless body": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, huge); err != nil {
					return
				}
			}
		}, BadKeys},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := (&issuer{answer: c.answer}).fetcher()
			start := time.Now()
			_, r := kidsOf(t, f, "a")
			assert.Equal(t, c.reason, r, name)
			assert.LessOrEqual(t, time.Since(start), fetchTime, name)
			time.Sleep(time.Second) // the issuer notices that nobody reads
		})
	}
}

// bomb returns 10 MB of spaces, compressed.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(bytes.Repeat([]byte(" "), 10<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// A fetcher keeps the keys of a bounded number of URIs, those that are in use.
func TestFetcher_ForgetsTheOldestURI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{kids: []string{"a"}}
		f := i.fetcher()
		at := func(n int) string { return fmt.Sprintf("%s?%d", keysURI, n) }
		for n := range maxSets + 1 {
			time.Sleep(time.Millisecond)
			_, err := f.At(at(n)).Keys(t.Context(), "a")
			require.NoError(t, err)
			_, err = f.At(at(0)).Keys(t.Context(), "a") // stays in use
			require.NoError(t, err)
		}
		require.Len(t, f.sets, maxSets)
		require.Contains(t, f.sets, at(0))
		require.NotContains(t, f.sets, at(1))
		require.Equal(t, maxSets+1, i.count())
	})
}

func TestCheckURI(t *testing.T) {
	f := NewFetcher([]string{" Keys.Example:443 ", "keys.example:8443", ""}, false, time.Now)
	for _, uri := range []string{"https://keys.example/a?b=c", "https://KEYS.example:443/", "https://keys.example:8443/x"} {
		assert.NoError(t, f.CheckURI(uri), uri)
	}
	local := NewFetcher([]string{"localhost:9000", "127.0.0.1:9000"}, true, time.Now)
	for _, uri := range []string{"http://localhost:9000/jwks", "https://127.0.0.1:9000/jwks"} {
		assert.NoError(t, local.CheckURI(uri), uri)
	}
	for _, uri := range []string{
		"", "x", "/jwks", "//keys.example/jwks", "http://keys.example/jwks", "file:///etc/passwd", "https:keys.example", "HTTPS://", "https://keys.example:80/",
		"https://keys.example./jwks", "https://user@keys.example/", "https://user:x@keys.example/", "https://keys.example/#x", "https://keys.example@attacker.example/",
		"https://attacker.example/keys.example", "https://keys.example.attacker.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/",
		"https://keys.example/" + strings.Repeat("x", maxURI), "https://keys.example\\@attacker.example/", "https://keys.example:8443:443/",
		"http://localhost:9000/jwks",
	} {
		err := f.CheckURI(uri)
		if assert.Error(t, err, uri) {
			assert.Equal(t, Host, reasonOf(t, err), uri)
			_, err = f.At(uri).Keys(t.Context(), "a")
			assert.Equal(t, Host, reasonOf(t, err), uri)
		}
	}
	for _, uri := range []string{"http://localhost:9001/", "http://localhost/", "http://10.0.0.1:9000/", "https://keys.example/"} {
		assert.Error(t, local.CheckURI(uri), uri)
	}
	for _, host := range DefaultHosts {
		assert.NoError(t, NewFetcher(DefaultHosts, false, time.Now).CheckURI("https://"+host+"/common/discovery/v2.0/keys"), host)
	}
}

// Over TLS: the certificate must be of the host. A host of this machine is reached locally only.
func TestFetcher_OverTLS(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		assert.Equal(t, userAgent, r.UserAgent())
		assert.Empty(t, r.Header.Get("Accept-Encoding"))
		_, _ = io.WriteString(w, setOf("a"))
	}))
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	host := strings.TrimPrefix(server.URL, "https://")
	get := func(loopback bool, config *tls.Config) Reason {
		f := newFetcher([]string{host}, loopback, newClient(outbound.Dialer(fetchTime, loopback).DialContext, config), time.Now)
		if _, err := f.At(server.URL).Keys(t.Context(), "a"); err != nil {
			return reasonOf(t, err)
		}
		return ""
	}
	require.Empty(t, get(true, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	require.Equal(t, Unreachable, get(true, &tls.Config{MinVersion: tls.VersionTLS12}), "an unknown authority")
	require.Equal(t, Unreachable, get(false, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}), "a host of this machine")
	require.EqualValues(t, 1, requests.Load())

	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	f := NewFetcher([]string{strings.TrimPrefix(plain.URL, "http://")}, true, time.Now)
	_, err := f.At(plain.URL).Keys(t.Context(), "a")
	require.NoError(t, err, "without encryption on this machine")
}

// A proxy in the environment would be asked instead of the dialer that refuses addresses.
func TestFetcher_UsesNoProxy(t *testing.T) {
	transport, ok := NewFetcher(nil, false, time.Now).client.Transport.(*http.Transport)
	require.True(t, ok)
	require.Nil(t, transport.Proxy)
	require.True(t, transport.DisableCompression)
}

// nameserver answers each look-up with an address of this machine.
func nameserver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for buffer := make([]byte, 1024); ; {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// An allowed host whose name leads to an internal address when the connection is made is refused:
// the address of the connection itself counts, whatever a look-up before said.
func TestFetcher_RefusesANameThatChangesItsAddress(t *testing.T) {
	var inside atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer server.Close()
	host := fmt.Sprintf("rebind.example.com:%d", netip.MustParseAddrPort(server.Listener.Addr().String()).Port())
	dialer := outbound.Dialer(fetchTime, false)
	dialer.Resolver = nameserver(t)
	f := newFetcher([]string{host}, false, newClient(dialer.DialContext, &tls.Config{MinVersion: tls.VersionTLS12}), time.Now)
	_, err := f.At("https://"+host+"/jwks").Keys(t.Context(), "a")
	require.Equal(t, Unreachable, reasonOf(t, err))
	require.ErrorContains(t, err, "leads to an address of this machine")
	require.Zero(t, inside.Load())
}

// What a failure says has no address of it.
func TestExplain(t *testing.T) {
	for want, err := range map[string]error{
		"leads to a private address": &outbound.Refusal{Fault: "a private address"},
		"within 3 seconds":           fmt.Errorf("x: %w", context.DeadlineExceeded),
		"was not found":              &net.DNSError{Name: "keys.example", IsNotFound: true},
		"certificate":                &tls.CertificateVerificationError{Err: errors.New("x")},
		"the connection failed":      errors.New("dial 10.0.0.1"),
	} {
		assert.Contains(t, explain(fmt.Errorf("get: %w", err)), want)
		assert.NotContains(t, explain(err), "keys.example")
	}
}
