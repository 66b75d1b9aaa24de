package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// answering returns a service that answers every method on /Users as h does,
// and its log.
func answering(h func(q *request) (*reply, error)) (*Service, *bytes.Buffer) {
	var log bytes.Buffer
	s := New(Config{
		Log:   logline.New(&log),
		NewID: func() string { return "request-id" }, Now: time.Now,
	})
	var routes []Route
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH"} {
		routes = append(routes, Route{
			Method: method, Path: Prefix + "/Users", Public: true,
			handler: func(_ *Service, _ context.Context, q *request) (*reply, error) { return h(q) },
		})
	}
	s.router = newRouter(routes)
	return s, &log
}

// body returns a handler that answers with a body and a version.
func body(b []byte) func(*request) (*reply, error) {
	return func(*request) (*reply, error) {
		return &reply{status: http.StatusOK, body: b, etag: `W/"7"`}, nil
	}
}

// ask sends a request; each accepted is an Accept-Encoding header.
func ask(t testing.TB, s *Service, method string, accepted ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), method, Prefix+"/Users", nil)
	for _, a := range accepted {
		r.Header.Add("Accept-Encoding", a)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func unzip(t testing.TB, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return plain
}

// page returns a list of n users as identity providers send them.
func page(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	id := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", random.Uint32(), random.Uint32N(1<<16),
			random.Uint32N(1<<12), random.Uint32N(1<<12), random.Uint64N(1<<48))
	}
	first := []string{"Alice", "Bob", "Carla", "Dmitri", "Eun-ji", "Fatima", "Gonçalo", "Hana", "Ivan", "Jörg"}
	last := []string{"Johnson", "Okafor", "Müller", "Tanaka", "García", "Smith", "Nowak", "Haddad", "Larsen", "Oyelaran"}
	users := make([][]byte, n)
	for i := range users {
		id, f, l := id(), first[random.IntN(10)], last[random.IntN(10)]
		users[i] = fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
			`"id":"%[1]s","externalId":"%[2]s","userName":"%[3]s.%[4]s.%[5]d@example.com",`+
			`"name":{"formatted":"%[3]s %[4]s","familyName":"%[4]s","givenName":"%[3]s"},"displayName":"%[3]s %[4]s","active":true,`+
			`"emails":[{"value":"%[3]s.%[4]s.%[5]d@example.com","type":"work","primary":true}],`+
			`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales"},`+
			`"meta":{"resourceType":"User","created":"2026-11-02T10:%02[6]d:00.123Z","lastModified":"2026-11-02T11:00:%02[6]d.456Z",`+
			`"location":"https://scim.example.com/scim/v2/Users/%[1]s","version":"W/\"%[6]d\""}}`,
			id, fmt.Sprint(random.Uint64()), f, l, i, random.IntN(60))
	}
	return scim.ListDocument(n, 1, users)
}

func TestAnswer_IsEncodedAsTheClientAccepts(t *testing.T) {
	const gz, plain = "gzip", ""
	large, small := body(page(10)), body([]byte(`{"id":"1"}`))
	for _, tt := range []struct {
		accepted     []string
		large, small string
	}{
		{nil, plain, plain},
		{[]string{""}, plain, plain},
		{[]string{"gzip"}, gz, plain},
		{[]string{"GZip"}, gz, plain},
		{[]string{"x-gzip"}, gz, plain},
		{[]string{"gzip, deflate, br"}, gz, plain},
		{[]string{"br", "gzip"}, gz, plain},
		{[]string{"br;q=1.0,gzip;q=0.8,*;q=0.1"}, gz, plain},
		{[]string{" gzip ; q=0.5 "}, gz, plain},
		{[]string{"gzip;Q=0.5"}, gz, plain},
		{[]string{"gzip;q=0.001"}, gz, plain},
		{[]string{"gzip;q=1."}, gz, plain},
		{[]string{"gzip;q=0"}, plain, plain},
		{[]string{"gzip;q=0.000"}, plain, plain},
		{[]string{"gzip;q=0, *"}, plain, plain},
		{[]string{"gzip, gzip;q=0"}, plain, plain},
		{[]string{"gzip, x-gzip;q=0"}, plain, plain},
		{[]string{"*"}, gz, plain},
		{[]string{"*;q=0"}, plain, plain},
		{[]string{"*;q=0, gzip"}, gz, gz},
		{[]string{"identity"}, plain, plain},
		{[]string{"identity, gzip"}, gz, plain},
		{[]string{"identity;q=0.5, gzip"}, gz, plain},
		{[]string{"identity, gzip;q=0.5"}, plain, plain},
		{[]string{"gzip;q=0.5, *"}, plain, plain},
		{[]string{"identity;q=0"}, plain, plain}, // nothing is acceptable; a 406 would help no client
		{[]string{"gzip, identity;q=0"}, gz, gz},
		{[]string{"identity;q=0, *"}, gz, gz},
		{[]string{"deflate, br, zstd"}, plain, plain},
		{[]string{"gzip2, notgzip"}, plain, plain},
		{[]string{"gzip;q=2"}, plain, plain},
		{[]string{"gzip;q=1.001"}, plain, plain},
		{[]string{"gzip;q=0.1234"}, plain, plain},
		{[]string{"gzip;q=-1"}, plain, plain},
		{[]string{"gzip;q="}, plain, plain},
		{[]string{"gzip;q=.5"}, plain, plain},
		{[]string{"gzip;q=0.+1"}, plain, plain},
		{[]string{"gzip;level=9"}, plain, plain},
		{[]string{"gzip;level=9, *;q=0.5"}, gz, plain},
		{[]string{",, ;q=1, gzip,"}, gz, plain},
	} {
		for _, sent := range []struct {
			answer func(*request) (*reply, error)
			want   string
		}{{large, tt.large}, {small, tt.small}} {
			want, _ := sent.answer(nil)
			s, _ := answering(sent.answer)
			w := ask(t, s, "GET", tt.accepted...)
			got := w.Body.Bytes()
			if w.Header().Get("Content-Encoding") != sent.want || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q, %d bytes: headers %v, want coding %q", tt.accepted, len(want.body), w.Header(), sent.want)
			}
			if w.Header().Get("Content-Length") != strconv.Itoa(len(got)) {
				t.Errorf("%q: Content-Length %s of %d bytes", tt.accepted, w.Header().Get("Content-Length"), len(got))
			}
			if sent.want == gz {
				got = unzip(t, got)
			}
			if !bytes.Equal(got, want.body) || w.Header().Get("ETag") != want.etag {
				t.Errorf("%q: got %s, %s", tt.accepted, w.Header().Get("ETag"), got)
			}
		}
	}
}

func TestAnswer_IsCompressedFromAThousandBytes(t *testing.T) {
	for n, want := range map[int]string{minGzip - 1: "", minGzip: "gzip"} {
		s, _ := answering(body(bytes.Repeat([]byte("a"), n)))
		assert.Equalf(t, want, ask(t, s, "GET", "gzip").Header().Get("Content-Encoding"), "%d bytes", n)
	}
}

func TestAnswer_StaysPlainWhenGzipIsNotShorter(t *testing.T) {
	noise := make([]byte, minGzip)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	s, _ := answering(body(noise))
	if w := ask(t, s, "GET", "gzip"); w.Header().Get("Content-Encoding") != "" || !bytes.Equal(w.Body.Bytes(), noise) {
		t.Errorf("%v", w.Header())
	}
	if w := ask(t, s, "GET", "gzip, identity;q=0"); w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("identity is not accepted: %v", w.Header())
	}
}

func TestAnswer_ErrorsAreCompressedToo(t *testing.T) {
	s, _ := answering(func(*request) (*reply, error) {
		return nil, &problem{cause: cause.Validation, what: strings.Repeat("The value is wrong. ", 100)}
	})
	w := ask(t, s, "GET", "gzip")
	if w.Code != 400 || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var got map[string]any
	err := json.Unmarshal(unzip(t, w.Body.Bytes()), &got)
	assert.Truef(t, err == nil && got["status"] == "400", "%v: %v", err, got)
}

func TestAnswer_ToHEADHasOnlyHeaders(t *testing.T) {
	s, _ := answering(body(page(10)))
	for _, accepted := range []string{"", "gzip"} {
		get, head := ask(t, s, "GET", accepted), ask(t, s, "HEAD", accepted)
		if head.Body.Len() != 0 || fmt.Sprint(head.Header()) != fmt.Sprint(get.Header()) {
			t.Errorf("%q: %d bytes under %v, want none under %v", accepted, head.Body.Len(), head.Header(), get.Header())
		}
	}
}

func TestAnswer_ManyAtOnceShareNoWriter(t *testing.T) {
	var all sync.WaitGroup
	s, _ := answering(func(q *request) (*reply, error) {
		return &reply{status: 200, body: bytes.Repeat([]byte(q.URL.RawQuery), 5000)}, nil
	})
	s.Log = slog.New(slog.DiscardHandler)
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				r := httptest.NewRequestWithContext(t.Context(), "GET", Prefix+"/Users?"+strconv.Itoa(i), nil)
				r.Header.Set("Accept-Encoding", "gzip")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				got := unzip(t, w.Body.Bytes())
				assert.Equalf(t, strings.Repeat(strconv.Itoa(i), 5000), string(got), "%d: got %.20q…", i, got)
			}
		})
	}
	all.Wait()
}

// eventLength computes the length that package lambdahttp writes.
func TestEventLength_IsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(rapid.OneOf(
			rapid.String(),
			rapid.StringOf(rapid.SampledFrom([]rune("a\"\\/<>&\x00\b\t\n\v\f\r\x1f\x7fé\u2027\u2028\u2029\u202a\ufeff\ufffd😀"))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "body"))
		printed := string(body)
		if !utf8.Valid(body) {
			printed = base64.StdEncoding.EncodeToString(body)
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		require.NoError(t, encoder.Encode(printed))
		require.Equalf(t, want.Len()-1, eventLength(body), "%q", body)
	})
}

func TestMaxAnswer_IsWhatLambdaReturns(t *testing.T) {
	assert.EqualValuesf(t, lambdahttp.MaxResponseBytes, maxAnswer+64<<10, "%d of %d", maxAnswer, lambdahttp.MaxResponseBytes)
}

// noise returns a text that just fits when compressed, to 100 bytes, and one
// that just does not. Neither fits plain: a quarter of each are control
// characters.
func noise(t testing.TB) (fits, tooLong []byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, maxAnswer)
	for i := range b {
		b[i] = byte(random.Uint32N(128))
	}
	var s Service
	n := (maxAnswer - 2) / 4 * 3
	for range 20 {
		over := len(s.gzip(b[:n])) - (maxAnswer-2)/4*3
		if over <= 0 && over >= -100 {
			return b[:n], b[:n+200] // seven bits of each byte remain
		}
		n -= over*8/7 + 50
	}
	t.Fatal("no text is as long as gzip of it should be")
	return nil, nil
}

// A body that fits arrives whole through Lambda. One byte more is refused, with
// advice.
func TestAnswer_FitsIntoLambdasOrIsRefused(t *testing.T) {
	quotes := (maxAnswer - 2) / 2
	zipped, notZipped := noise(t)
	const fewer, zip = "Ask for fewer resources with count", "Or send Accept-Encoding: gzip."
	for _, tt := range []struct {
		name     string
		body     []byte
		accepted string
		fits     bool
		detail   []string
		lacks    string
	}{
		{name: "letters", body: bytes.Repeat([]byte("a"), maxAnswer-2), fits: true},
		{name: "a letter more", body: bytes.Repeat([]byte("a"), maxAnswer-1), detail: []string{fewer, zip, strconv.Itoa(maxAnswer-1) + " bytes"}},
		{name: "quotes", body: bytes.Repeat([]byte(`"`), quotes), fits: true},
		{name: "a quote more", body: bytes.Repeat([]byte(`"`), quotes+1), detail: []string{fewer, zip}},
		{name: "quotes, gzip", body: bytes.Repeat([]byte(`"`), 3*quotes), accepted: "gzip", fits: true},
		{name: "markup does not grow", body: bytes.Repeat([]byte("<&>"), (maxAnswer-2)/3), fits: true},
		{name: "noise, gzip", body: zipped, accepted: "gzip", fits: true},
		{name: "noise, gzip not preferred", body: zipped, accepted: "identity, gzip;q=0.1", fits: true},
		{name: "noise, plain", body: zipped, detail: []string{fewer, zip}},
		{name: "more noise, gzip", body: notZipped, accepted: "gzip", detail: []string{fewer, "compressed too"}, lacks: zip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, log := answering(body(tt.body))
			response := invoke(t, s, "GET", tt.accepted)
			got := []byte(response.Body)
			if response.IsBase64Encoded {
				got, _ = base64.StdEncoding.DecodeString(response.Body)
			}
			if response.Headers["Content-Length"] != strconv.Itoa(len(got)) {
				t.Errorf("Content-Length %s of %d bytes", response.Headers["Content-Length"], len(got))
			}
			if response.Headers["Content-Encoding"] == "gzip" {
				got = unzip(t, got)
			}
			event := logged(t, log)
			if tt.fits {
				if response.StatusCode != 200 || !bytes.Equal(got, tt.body) || event["outcome"] != "success" {
					t.Errorf("%d with %d bytes, %v; want 200 with %d", response.StatusCode, len(got), event, len(tt.body))
				}
				return
			}
			var document map[string]string
			require.NoError(t, json.Unmarshal(dropSchemas(t, got), &document))
			if response.StatusCode != 400 || document["scimType"] != "tooMany" || document["status"] != "400" {
				t.Errorf("%d %v, want a tooMany", response.StatusCode, document)
			}
			for _, part := range append(tt.detail, "6 MB", "(request request-id)") {
				assert.Containsf(t, document["detail"], part, "detail %q, want %q in it", document["detail"], part)
			}
			assert.Falsef(t, tt.lacks != "" && strings.Contains(document["detail"], tt.lacks), "detail %q, want no %q in it", document["detail"], tt.lacks)
			if event["cause"] != "answer_too_large" || event["outcome"] != "failure" || event["scimType"] != "tooMany" ||
				event["status"] != 400.0 || event["detail"] != document["detail"] || event["level"] != "WARN" {
				t.Errorf("event %v", event)
			}
		})
	}
}

func TestAnswer_TooLargeHasTheHandlersAdvice(t *testing.T) {
	const remedy = cause.AnswerMembers
	way := remedy.Advice("")
	for name, h := range map[string]func(q *request) (*reply, error){
		"gathered": func(q *request) (*reply, error) {
			q.wayOut = remedy
			return &reply{status: 200, body: bytes.Repeat([]byte("a"), maxAnswer)}, nil
		},
		"stopped early": func(q *request) (*reply, error) {
			q.wayOut = remedy
			return nil, &problem{cause: cause.AnswerTooLarge, what: "The group has more members than fit."}
		},
	} {
		s, log := answering(h)
		w := ask(t, s, "GET")
		if w.Code != 400 || !strings.Contains(w.Body.String(), way) || strings.Contains(w.Body.String(), "with count") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		event := logged(t, log)
		assert.Truef(t, event["cause"] == "answer_too_large", "%s: event %v", name, event)
	}
}

// A change that was made is never answered as if it had failed.
func TestAnswer_ToAChangeLosesOnlyItsBody(t *testing.T) {
	large := bytes.Repeat([]byte("a"), maxAnswer)
	tooLarge := &problem{cause: cause.AnswerTooLarge}
	for _, tt := range []struct {
		name, method   string
		action         journal.Action
		answer         *reply
		err            error
		status         int
		location, etag string
	}{
		{"created", "POST", "created", &reply{status: 201, body: large, location: "https://x/1", etag: `W/"1"`}, nil, 201, "https://x/1", `W/"1"`},
		{"reactivated", "POST", "reactivated", &reply{status: 200, body: large, location: "https://x/1", etag: `W/"2"`}, nil, 204, "https://x/1", `W/"2"`},
		{"replaced", "PUT", "updated", &reply{status: 200, body: large, etag: `W/"2"`}, nil, 204, "", `W/"2"`},
		{"modified", "PATCH", "unchanged", &reply{status: 200, body: large, etag: `W/"2"`}, nil, 204, "", `W/"2"`},
		{"stopped early", "PUT", "updated", nil, tooLarge, 204, "", ""},
		{"stopped before the change", "PUT", "", nil, tooLarge, 400, "", ""},
		{"failed", "PUT", "updated", nil, errors.New("no"), 500, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, log := answering(func(q *request) (*reply, error) {
				q.event.Action = tt.action
				return tt.answer, tt.err
			})
			server := httptest.NewServer(s) // a recorder accepts bodies that a server refuses
			defer server.Close()
			r, _ := http.NewRequestWithContext(t.Context(), tt.method, server.URL+Prefix+"/Users", nil)
			r.Header.Set("Accept-Encoding", "identity")
			response, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			got, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != tt.status || response.Header.Get("Location") != tt.location || response.Header.Get("ETag") != tt.etag {
				t.Errorf("%d %v, want %d, location %q, version %s", response.StatusCode, response.Header, tt.status, tt.location, tt.etag)
			}
			event := logged(t, log)
			if tt.status >= 400 {
				assert.Truef(t, event["outcome"] == "failure" && len(got) != 0, "event %v, body %q", event, got)
				return
			}
			if len(got) != 0 || response.Header.Get("Content-Type") != "" || response.Header.Get("Content-Encoding") != "" {
				t.Errorf("%d bytes under %v, want none", len(got), response.Header)
			}
			assert.Truef(t, event["outcome"] == "warning" && event["cause"] == "answer_too_large" && event["action"] == string(tt.action), "event %v", event)
		})
	}
}

// invoke sends a request as API Gateway does, with JSON on both sides, and
// checks that Lambda would return the answer.
func invoke(t testing.TB, s *Service, method, accepted string) lambdahttp.Response {
	t.Helper()
	event := lambdahttp.Event{
		Version: "2.0", RouteKey: method + " " + Prefix + "/Users", RawPath: Prefix + "/Users",
		Headers: map[string]string{"host": "scim.example.com"},
	}
	if accepted != "" {
		event.Headers["accept-encoding"] = accepted
	}
	event.RequestContext.RouteKey, event.RequestContext.Stage = event.RouteKey, "$default"
	event.RequestContext.HTTP.Method = method
	response, err := lambdahttp.Handler(s)(t.Context(), event)
	require.NoError(t, err)
	var payload bytes.Buffer
	encoder := json.NewEncoder(&payload)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(response))
	assert.Truef(t, payload.Len()-1 <= lambdahttp.MaxResponseBytes, "the event is %d bytes of %d", payload.Len()-1, lambdahttp.MaxResponseBytes)
	var got lambdahttp.Response
	require.NoError(t, json.Unmarshal(payload.Bytes(), &got))
	return got
}

func TestAnswer_CrossesLambdaAsBase64(t *testing.T) {
	want := page(100)
	s, _ := answering(body(want))
	response := invoke(t, s, "GET", "gzip, deflate, br")
	require.Truef(t, response.IsBase64Encoded && response.StatusCode == 200, "%d, base64 %t", response.StatusCode, response.IsBase64Encoded)
	sent, err := base64.StdEncoding.DecodeString(response.Body)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"Content-Encoding": "gzip", "Content-Type": "application/scim+json", "Vary": "Accept-Encoding",
		"Content-Length": strconv.Itoa(len(sent)), "Etag": `W/"7"`, "Cache-Control": "no-store", "X-Request-Id": "request-id",
	} {
		assert.Equalf(t, want, response.Headers[name], "%s", name)
	}
	got := unzip(t, sent)
	assert.Truef(t, bytes.Equal(got, want), "got %d bytes, want %d", len(got), len(want))
	if plain := invoke(t, s, "GET", ""); plain.IsBase64Encoded || plain.Body != string(want) || plain.Headers["Content-Encoding"] != "" {
		t.Errorf("plain: base64 %t, %v", plain.IsBase64Encoded, plain.Headers)
	}
}

// A client of rollcall local sees the same as a client of a deployment.
func TestAnswer_CrossesTheLocalGateway(t *testing.T) {
	want := page(100)
	s, _ := answering(body(want))
	gateway, err := local.NewGateway([]local.Route{{Method: "GET", Path: Prefix + "/Users", Function: "F"}},
		map[string]local.LambdaHandler{"F": lambdahttp.Handler(s)})
	require.NoError(t, err)
	server := httptest.NewServer(gateway)
	defer server.Close()
	asIs := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer asIs.CloseIdleConnections()
	for _, tt := range []struct {
		name, accepted string
		client         *http.Client
		coding         string
		unpacked       bool // by the client
	}{
		{"Go, which requests gzip by itself", "", http.DefaultClient, "", true},
		{"curl without --compressed", "", asIs, "", false},
		{"curl --compressed", "deflate, gzip, br, zstd", asIs, "gzip", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+Prefix+"/Users", nil)
			if tt.accepted != "" {
				r.Header.Set("Accept-Encoding", tt.accepted)
			}
			response, err := tt.client.Do(r)
			require.NoError(t, err)
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			require.NoError(t, err)
			if response.Header.Get("Content-Encoding") != tt.coding || response.Uncompressed != tt.unpacked ||
				response.Header.Get("Vary") != "Accept-Encoding" || response.Header.Get("ETag") != `W/"7"` {
				t.Errorf("%v, unpacked %t", response.Header, response.Uncompressed)
			}
			assert.Falsef(t, !tt.unpacked && response.ContentLength != int64(len(got)), "Content-Length %d of %d bytes", response.ContentLength, len(got))
			if tt.coding == "gzip" {
				assert.Truef(t, len(got) <= len(want)/4, "%d bytes of %d were sent", len(got), len(want))
				got = unzip(t, got)
			}
			assert.Truef(t, bytes.Equal(got, want), "got %d bytes, want %d", len(got), len(want))
		})
	}
}

// logged returns the one event in a log.
func logged(t testing.TB, log *bytes.Buffer) map[string]any {
	t.Helper()
	var event map[string]any
	err := json.Unmarshal(log.Bytes(), &event)
	require.NoErrorf(t, err, "%v in %s", err, log)
	return event
}

// dropSchemas returns an error document without its only attribute that is not
// a string.
func dropSchemas(t testing.TB, document []byte) []byte {
	t.Helper()
	var all map[string]any
	err := json.Unmarshal(document, &all)
	require.NoErrorf(t, err, "%v in %.200s", err, document)
	delete(all, "schemas")
	b, _ := json.Marshal(all)
	return b
}

func BenchmarkAnswer(b *testing.B) {
	for _, users := range []int{1, 2, 100} {
		for _, accepted := range []string{"identity", "gzip"} {
			b.Run(fmt.Sprintf("%d users/%s", users, accepted), func(b *testing.B) {
				sent := page(users)
				s, _ := answering(body(sent))
				s.Log = slog.New(slog.DiscardHandler)
				b.SetBytes(int64(len(sent)))
				b.ReportAllocs()
				var size int
				for b.Loop() {
					size = ask(b, s, "GET", accepted).Body.Len()
				}
				b.ReportMetric(float64(size), "sent-B")
			})
		}
	}
}
