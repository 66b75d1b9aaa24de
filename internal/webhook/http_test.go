package webhook

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
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

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/rollcall-scim/rollcall/internal/outbound"
	"github.com/rollcall-scim/rollcall/internal/subscription"
)

// The specification's own example of a signature.
func TestSign_HasTheSpecificationsSignature(t *testing.T) {
	secret, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	want, err := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", want)

	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	header := http.Header{}
	sign(header, Message{
		ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Time: time.Unix(1614265330, 0), Body: []byte(`{"test": 2432232314}`),
		Keys: [][]byte{key},
	})
	require.Equal(t, want, header.Get("webhook-signature"))
	require.Equal(t, "1614265330", header.Get("webhook-timestamp"))
}

// During a rotation both secrets verify what is sent, and after it the new one alone.
func TestSend_IsVerifiedThroughARotation(t *testing.T) {
	old, fresh := subscription.Secret{Key: []byte("an old secret of 24 bytes")}, subscription.Secret{Key: []byte(strings.Repeat("n", 64))}
	start := time.Now()
	verifies := func(s subscription.Secret, header http.Header, body []byte) bool {
		verifier, err := standardwebhooks.NewWebhook(s.Text())
		require.NoError(t, err)
		return verifier.Verify(body, header) == nil
	}
	rotating := old
	rotating.End = start.Add(24 * time.Hour)
	for name, c := range map[string]struct {
		secrets  []subscription.Secret
		at       time.Time
		old, new bool
	}{
		"before":   {[]subscription.Secret{old}, start, true, false},
		"during":   {[]subscription.Secret{fresh, rotating}, start, true, true},
		"after it": {[]subscription.Secret{fresh, rotating}, start.Add(24 * time.Hour), false, true},
	} {
		e := subscription.Endpoint{Secrets: c.secrets}
		header, body := http.Header{}, []byte(`{"id":"e1"}`)
		sign(header, Message{ID: "e1", Time: start, Body: body, Keys: e.Signing(c.at)})
		assert.Equal(t, c.old, verifies(old, header, body), "%s: the old secret", name)
		assert.Equal(t, c.new, verifies(fresh, header, body), "%s: the new secret", name)
		assert.False(t, verifies(fresh, header, append(body, ' ')), "%s: another body", name)
		header.Set("webhook-id", "e2")
		assert.False(t, verifies(fresh, header, body), "%s: another id", name)
	}
}

// trusting returns a sender to a test's server, whose certificate it trusts and for whose
// address it makes an exception.
func trusting(server *httptest.Server) *HTTP {
	h := newHTTP((&net.Dialer{}).DialContext, false, time.Now)
	if server.TLS != nil {
		h.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	return h
}

func TestSend_SendsOneSignedRequest(t *testing.T) {
	key := []byte("a secret of at least 24 bytes")
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		assert.Equal(t, "POST /hook?a=b HTTP/1.1", req.Method+" "+req.URL.String()+" "+req.Proto)
		assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
		assert.Equal(t, "rollcall-webhooks/1", req.Header.Get("User-Agent"))
		assert.Equal(t, `{"id":"e1"}`, string(body))
		verifier, err := standardwebhooks.NewWebhookRaw(key)
		assert.NoError(t, err)
		assert.NoError(t, verifier.Verify(body, req.Header))
		rw.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(rw, "thanks \x00\xff"+strings.Repeat("x", 2000))
	}))
	defer server.Close()
	a := trusting(server).Send(t.Context(), Message{URL: server.URL + "/hook?a=b", ID: "e1", Time: time.Now(), Body: []byte(`{"id":"e1"}`), Keys: [][]byte{key}})
	require.Equal(t, 202, a.Status)
	require.Empty(t, a.Error)
	require.True(t, strings.HasPrefix(a.Answer, "thanks \uFFFD\uFFFDxxx"), a.Answer)
	require.LessOrEqual(t, len(a.Answer), keptAnswer)
	require.NotZero(t, a.Time)
}

// A connection is used again, also after an answer that is longer than what is kept.
func TestSend_KeepsConnections(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, strings.Repeat("x", maxAnswer/2))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	h := trusting(server)
	for range 5 {
		require.Equal(t, 200, h.Send(t.Context(), Message{URL: server.URL}).Status)
	}
	require.EqualValues(t, 1, opened.Load())
}

// Nothing follows a redirect: it could lead to an internal address.
func TestSend_FollowsNoRedirect(t *testing.T) {
	var inside atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer target.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewTLSServer(http.RedirectHandler(target.URL, code))
		a := trusting(server).Send(t.Context(), Message{URL: server.URL})
		server.Close()
		require.Equal(t, code, a.Status)
		require.False(t, acknowledges(a))
	}
	require.Zero(t, inside.Load())
}

// A proxy in the environment would be asked instead of the dialer that refuses addresses.
func TestSend_UsesNoProxy(t *testing.T) {
	require.Nil(t, NewHTTP(false, time.Now).client.Transport.(*http.Transport).Proxy)
	require.EqualValues(t, tls.VersionTLS12, NewHTTP(false, time.Now).client.Transport.(*http.Transport).TLSClientConfig.MinVersion)
}

func TestSend_RefusesInternalAddresses(t *testing.T) {
	var inside atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	h := NewHTTP(false, time.Now)
	for host, want := range map[string]string{
		"127.0.0.1": "an address of this machine", "[::1]": "an address of this machine", "[::ffff:127.0.0.1]": "an address of this machine",
		"0.0.0.0": "an address of this machine", "10.1.2.3": "a private address", "172.16.0.1": "a private address", "192.168.0.1": "a private address",
		"169.254.169.254": "a link-local address", "[fe80::1]": "a link-local address", "[fd00:ec2::254]": "a private address", "[fc00::1]": "a private address",
		"100.64.0.1": "an address inside a provider's network", "224.0.0.1": "a multicast address", "[ff02::1]": "a multicast address",
		"[64:ff9b::a00:1]": "a reserved address", "[2002:a00:1::]": "an address of a tunnel", "[::]": "an address of this machine",
		"localhost": "an address of this machine",
	} {
		a := h.Send(t.Context(), Message{URL: fmt.Sprintf("https://%s:%d/", host, port)})
		assert.Zero(t, a.Status, host)
		assert.Contains(t, a.Error, "leads to "+want+"; events are sent only to addresses of the public internet", host)
	}
	a := h.Send(t.Context(), Message{URL: server.URL})
	require.Contains(t, a.Error, "not https")
	require.Zero(t, inside.Load())

	local := NewHTTP(true, time.Now)
	require.Equal(t, 200, local.Send(t.Context(), Message{URL: server.URL}).Status)
	require.Contains(t, local.Send(t.Context(), Message{URL: "http://10.0.0.1/"}).Error, "not https")
	require.Contains(t, local.Send(t.Context(), Message{URL: "https://10.0.0.1/"}).Error, "a private address")
}

// nameserver answers lookups: the first of a name with a public address, and each further one
// with an internal one. It returns a resolver that asks it.
func nameserver(t *testing.T, first, then [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		asked := 0
		for buffer := make([]byte, 1024); ; {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			m.Response, m.Authoritative = true, true
			m.Additionals = nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				address := then
				if asked == 0 {
					address = first
				}
				asked++
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: address}}}
			}
			answer, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name that led to a public address when it was looked up, and leads to an internal one
// when the connection is made, is refused: the address of the connection itself counts.
func TestSend_RefusesANameThatChangesItsAddress(t *testing.T) {
	var inside atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	resolver := nameserver(t, [4]byte{1, 1, 1, 1}, [4]byte{127, 0, 0, 1})
	checked, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com.")
	require.NoError(t, err)
	require.Empty(t, outbound.AddressFault(checked[0]), "a check before the connection finds nothing")

	dialer := outbound.Dialer(connectTime, false)
	dialer.Resolver = resolver
	a := newHTTP(dialer.DialContext, false, time.Now).Send(t.Context(), Message{URL: fmt.Sprintf("https://rebind.example.com.:%d/", port)})
	require.Contains(t, a.Error, "leads to an address of this machine")
	require.Zero(t, inside.Load())
}

// piped is a sender in virtual time whose connections are answered by a function.
func piped(serving *sync.WaitGroup, serve func(net.Conn)) *HTTP {
	return newHTTP(func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Go(func() { serve(server) })
		return client, nil
	}, true, time.Now)
}

// read reads a request.
func read(conn net.Conn) {
	if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
}

func TestSend_BoundsWhatAnEndpointMayTake(t *testing.T) {
	const url = "http://localhost/"
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		status int
		error  string
		within time.Duration
	}{
		"no answer": {func(conn net.Conn) { read(conn) }, 0, "no answer within 10 seconds", sendTime},
		"headers a byte a second": {func(conn net.Conn) {
			read(conn)
			for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
				time.Sleep(time.Second)
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		}, 0, "no answer within 10 seconds", sendTime},
		"a request that is never read": {func(net.Conn) {}, 0, "no answer within 10 seconds", sendTime},
		"a body a byte a second": {func(conn net.Conn) {
			read(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			for range 1000 {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, 200, "", answerTime},
		"a body without end": {func(conn net.Conn) {
			read(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 500 Oops\r\n\r\n")
			for n := 0; err == nil; n++ {
				_, err = io.WriteString(conn, strings.Repeat("x", 1000))
				assert.Less(t, n, 200, "an answer was read without end")
			}
		}, 500, "", 0},
		"headers without end": {func(conn net.Conn) {
			read(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for n := 0; err == nil; n++ {
				_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", n, strings.Repeat("x", 1000))
				assert.Less(t, n, 100, "headers were read without end")
			}
		}, 0, "The request failed", 0},
		"closed": {func(conn net.Conn) { read(conn); _ = conn.Close() }, 0, "closed before there was an answer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var serving sync.WaitGroup
				h := piped(&serving, c.serve)
				start := time.Now()
				a := h.Send(t.Context(), Message{URL: url, ID: "e1", Time: start, Body: []byte("{}")})
				assert.Equal(t, c.status, a.Status)
				assert.Contains(t, a.Error, c.error)
				assert.LessOrEqual(t, len(a.Answer), keptAnswer)
				assert.LessOrEqual(t, time.Since(start), c.within)
				assert.Equal(t, time.Since(start), a.Duration)
				h.client.CloseIdleConnections()
				serving.Wait()
			})
		})
	}
}

func TestSend_RefusesAnotherCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	defer server.Close()
	h := trusting(server)
	h.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	require.Contains(t, h.Send(t.Context(), Message{URL: server.URL}).Error, "The certificate was not accepted")

	other := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	require.Contains(t, trusting(server).Send(t.Context(), Message{URL: other}).Error, "The certificate was not accepted")

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	require.Contains(t, trusting(server).Send(t.Context(), Message{URL: strings.Replace(plain.URL, "http", "https", 1)}).Error, "did not answer with TLS")

	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = nil
	old.StartTLS()
	defer old.Close()
	a := trusting(old).Send(t.Context(), Message{URL: old.URL})
	require.Zero(t, a.Status)
	require.Contains(t, a.Error, "protocol version")
}

// What an attempt stores says what to do, and never has the URL, whose query may be secret.
func TestExplain_HasNoURL(t *testing.T) {
	h := NewHTTP(true, time.Now)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := listener.Addr().String()
	require.NoError(t, listener.Close())
	for _, m := range []string{"http://" + closed + "/?key=secret", "https://10.0.0.1/?key=secret", "http://example.com/?key=secret", "https://%zz/?key=secret"} {
		a := h.Send(t.Context(), Message{URL: m})
		require.NotEmpty(t, a.Error)
		require.NotContains(t, a.Error, "secret", m)
	}
	require.Contains(t, h.Send(t.Context(), Message{URL: "http://" + closed}).Error, "refused")
	require.Contains(t, explain(&net.DNSError{Err: "no such host", IsNotFound: true}, "a.example"), "a.example was not found")
	require.Contains(t, explain(errors.New("something"), "a.example"), "something")
}
