package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rollcall-scim/rollcall/internal/outbound"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/text"
)

const (
	// sendTime is within what time an endpoint must answer.
	sendTime = 10 * time.Second
	// connectTime is within what time of it there must be a connection.
	connectTime = 5 * time.Second
	// answerTime is how long the body of an answer is read. The status counts also if the
	// body is cut off.
	answerTime = time.Second
	// keptAnswer is how much of an answer is kept, and maxAnswer how much is read, so that
	// the connection can be used again.
	keptAnswer = 1 << 10
	maxAnswer  = 64 << 10
	// maxHeader is how many bytes the headers of an answer may have.
	maxHeader = 16 << 10
)

// userAgent names the sender.
const userAgent = "rollcall-webhooks/1"

// HTTP sends requests over HTTPS, and only to addresses of the public internet. It is safe
// for concurrent use, and keeps connections.
type HTTP struct {
	client   *http.Client
	loopback bool
	now      func() time.Time
}

// NewHTTP returns an HTTP. With loopback it also sends to this machine, without encryption
// too, for `rollcall local`.
func NewHTTP(loopback bool, now func() time.Time) *HTTP {
	return newHTTP(outbound.Dialer(connectTime, loopback).DialContext, loopback, now)
}

func newHTTP(dial func(ctx context.Context, network, address string) (net.Conn, error), loopback bool, now func() time.Time) *HTTP {
	return &HTTP{
		loopback: loopback, now: now,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:       nil, // one from the environment could lead anywhere
				DialContext: dial,
				TLSClientConfig: &tls.Config{
					MinVersion: tls.VersionTLS12,
				},
				TLSHandshakeTimeout:    connectTime,
				TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
				MaxIdleConnsPerHost:    parallelSends,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: maxHeader,
				DisableCompression:     true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Send sends a message and waits for the answer.
func (h *HTTP) Send(ctx context.Context, m Message) (a subscription.Attempt) {
	start := h.now()
	a.Time = start
	defer func() { a.Duration = h.now().Sub(start) }()
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	req, err := h.request(ctx, m)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	answer, err := h.client.Do(req)
	if err != nil {
		a.Error = explain(err, req.URL.Hostname())
		return a
	}
	defer func() { _ = answer.Body.Close() }() // what is left of the answer does not matter
	a.Status = answer.StatusCode
	timer := time.AfterFunc(answerTime, cancel)
	defer timer.Stop()
	kept, _ := io.ReadAll(io.LimitReader(answer.Body, keptAnswer)) // a cut-off answer is one, too
	a.Answer = readable(kept)
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return a
}

// errScheme reports that a URL is not https.
var errScheme = errors.New("The URL is not https, so nothing is sent to it; change the URL of the webhook.") //nolint:staticcheck,revive // a sentence for an administrator

func (h *HTTP) request(ctx context.Context, m Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, errors.New("The URL is invalid; change the URL of the webhook.") //nolint:staticcheck,revive // a sentence for an administrator
	}
	if req.URL.Scheme != "https" && !(h.loopback && req.URL.Scheme == "http" && outbound.IsLoopback(req.URL.Hostname())) {
		return nil, errScheme
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	sign(req.Header, m)
	return req, nil
}

// sign adds the headers by which the application recognizes a message of rollcall's: a
// signature by each key, the newest first, so that either secret verifies it during a
// rotation.
//
// Standard Webhooks, Signature scheme
func sign(header http.Header, m Message) {
	header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.Time.Unix(), 10))
	signatures := make([]string, len(m.Keys))
	for i, key := range m.Keys {
		signer, _ := standardwebhooks.NewWebhookRaw(key)           // accepts any key
		signatures[i], _ = signer.Sign(m.ID, m.Time.UTC(), m.Body) // an HMAC cannot fail
	}
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
}

// readable returns the beginning of an answer as text.
func readable(answer []byte) string {
	return text.Cut(strings.Map(func(r rune) rune {
		if r == 0 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(string(answer), "\uFFFD")), keptAnswer-len("…"))
}

// explain says in a sentence why there is no answer, and what to do. It does not have the
// URL, which may have a secret in its query.
func explain(err error, host string) string {
	var (
		refused *outbound.Refusal
		dns     *net.DNSError
		invalid *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		record  tls.RecordHeaderError
		sent    *url.Error
	)
	if errors.As(err, &sent) {
		err = sent.Err
	}
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("The host %s leads to %s; events are sent only to addresses of the public internet. Use a host that the public internet reaches.", host, refused.Fault)
	case errors.As(err, &dns) && !dns.IsTimeout:
		return fmt.Sprintf("The host %s was not found; check the URL of the webhook, and the host's DNS records.", host)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("There was no answer within %.0f seconds; answer as soon as the event is stored, and work on it afterwards.", sendTime.Seconds())
	case errors.As(err, &invalid), errors.As(err, &unknown), errors.As(err, &name):
		return "The certificate was not accepted: " + cutTLS(err) + ". Use a certificate of a public authority for this host."
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "The host did not answer with TLS; use the https port of your application."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The connection was refused; check that your application is running at this host and port."
	case errors.Is(err, context.Canceled):
		return "The delivery was stopped before there was an answer."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "The connection was closed before there was an answer."
	}
	return "The request failed: " + text.Cut(err.Error(), 200) + "."
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// cutTLS returns the reason of an error about a certificate.
func cutTLS(err error) string {
	reason := err.Error()
	for _, prefix := range []string{"tls: failed to verify certificate: ", "x509: "} {
		reason = strings.TrimPrefix(reason, prefix)
	}
	return text.Cut(reason, 200)
}
