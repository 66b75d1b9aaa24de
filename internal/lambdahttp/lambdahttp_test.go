package lambdahttp

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// get returns an event as API Gateway sends it: decoded path, lower-case names.
func get(routeKey, rawPath string, parameters map[string]string) Event {
	event := Event{
		Version: "2.0", RouteKey: routeKey, RawPath: rawPath, PathParameters: parameters,
		Headers: map[string]string{"host": "scim.example.com"},
	}
	event.RequestContext.RouteKey = routeKey
	event.RequestContext.Stage = "$default"
	event.RequestContext.DomainName = "scim.example.com"
	event.RequestContext.HTTP.Method = http.MethodGet
	event.RequestContext.HTTP.Path = rawPath
	event.RequestContext.HTTP.SourceIP = "192.0.2.1"
	return event
}

// seen returns the request that a handler gets for an event.
func seen(t *testing.T, ctx context.Context, event Event) (r *http.Request, body string) {
	t.Helper()
	response, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		b, err := io.ReadAll(got.Body)
		assert.NoError(t, err, "read body")
		r, body = got, string(b)
		w.WriteHeader(http.StatusNoContent)
	}))(ctx, event)
	require.NoErrorf(t, err, "error %v, want none", err)
	require.NotNilf(t, r, "the handler was not called; answer %d %s", response.StatusCode, response.Body)
	return r, body
}

func TestHandler_PathLeadsToTheRoutedResource(t *testing.T) {
	const user, greedy = "GET /scim/v2/Users/{id}", "ANY /files/{rest+}"
	tests := []struct {
		name, routeKey, stage, rawPath string
		parameters                     map[string]string
		want                           string // escaped
	}{
		{"literal", "GET /scim/v2/Users", "", "/scim/v2/Users", nil, "/scim/v2/Users"},
		{"id", user, "", "/scim/v2/Users/42", map[string]string{"id": "42"}, "/scim/v2/Users/42"},
		{"slash in id", user, "", "/scim/v2/Users/a/b", map[string]string{"id": "a/b"}, "/scim/v2/Users/a%2Fb"},
		{"NUL in id", user, "", "/scim/v2/Users/a\x00b", map[string]string{"id": "a\x00b"}, "/scim/v2/Users/a%00b"},
		{"id cut at its question mark", user, "", "/scim/v2/Users/42", map[string]string{"id": "42?x"}, "/scim/v2/Users/42%3Fx"},
		{"number sign", user, "", "/scim/v2/Users/42#x", map[string]string{"id": "42#x"}, "/scim/v2/Users/42%23x"},
		{"percent is not an escape again", user, "", "/scim/v2/Users/%34%32", map[string]string{"id": "%34%32"}, "/scim/v2/Users/%2534%2532"},
		{"dots are an id", user, "", "/scim/v2/Users/..", map[string]string{"id": ".."}, "/scim/v2/Users/%2E%2E"},
		{"steps up in an id", user, "", "/scim/v2/Users/../Schemas", map[string]string{"id": "../Schemas"}, "/scim/v2/Users/..%2FSchemas"},
		{"space and plus", user, "", "/scim/v2/Users/a b+c", map[string]string{"id": "a b+c"}, "/scim/v2/Users/a%20b+c"},
		{"trailing slash that the route ignores", "GET /scim/v2/Users", "", "/scim/v2/Users/", nil, "/scim/v2/Users"},
		{"greedy", greedy, "", "/files/a/b c", map[string]string{"rest": "a/b c"}, "/files/a/b%20c"},
		{"stage before the route", user, "dev", "/dev/scim/v2/Users/42", map[string]string{"id": "42"}, "/scim/v2/Users/42"},
		{"stage without a route", "$default", "dev", "/dev/nowhere", nil, "/nowhere"},
		{"stage alone", "$default", "dev", "/dev", nil, "/"},
		{"stage is a whole segment", "$default", "dev", "/develop", nil, "/develop"},
		{"no route", "$default", "", "/scim/v2/No where?x#y%41", nil, "/scim/v2/No%20where%3Fx%23y%2541"},
		{"no route, steps up", "$default", "", "/scim/v2/Users/../Schemas", nil, "/scim/v2/Users/%2E%2E/Schemas"},
		{"variables missing", user, "", "/scim/v2/Users/42", nil, "/scim/v2/Users/42"},
		{"no route key", "", "", "/scim/v2/Users/42", nil, "/scim/v2/Users/42"},
		{"empty", "$default", "", "", nil, "/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := get(tt.routeKey, tt.rawPath, tt.parameters)
			if tt.stage != "" {
				event.RequestContext.Stage = tt.stage
			}
			r, _ := seen(t, context.Background(), event)
			assert.Equal(t, tt.want, r.URL.EscapedPath(), "path")
			assert.Equal(t, tt.want, r.RequestURI, "request URI")
		})
	}
}

func TestHandler_PathMatchesServeMux(t *testing.T) {
	mux := http.NewServeMux()
	var got string
	mux.HandleFunc("GET /scim/v2/Users/{id}", func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("id") })
	for _, id := range []string{"42", "a/b", "..", ".", "../Schemas", "a\x00b", "42?x", "%2F", "//", "a//b", "é", "a b"} {
		got = ""
		event := get("GET /scim/v2/Users/{id}", "/scim/v2/Users/"+id, map[string]string{"id": id})
		_, err := Handler(mux)(context.Background(), event)
		require.NoError(t, err)
		assert.Equalf(t, id, got, "id %q arrived as %q", id, got)
	}
}

func TestHandler_QueryIsAsSent(t *testing.T) {
	for _, query := range []string{
		"", `filter=userName+eq+"dale%40example.com"`, "filter=userName%20eq%20%22a%2Bb%22", "a=1&a=2&b", "filter=a,b", "x=%zz", "a;b",
	} {
		event := get("GET /scim/v2/Users", "/scim/v2/Users", nil)
		event.RawQueryString = query
		event.QueryStringParameters = map[string]string{"filter": "decoded, joined"}
		if query == "" {
			event.QueryStringParameters = nil
		}
		r, _ := seen(t, context.Background(), event)
		assert.Equal(t, query, r.URL.RawQuery, "query")
	}
}

func TestHandler_QueryOfAHandWrittenEvent(t *testing.T) {
	event := get("GET /scim/v2/Users", "/scim/v2/Users", nil)
	event.QueryStringParameters = map[string]string{"filter": `userName eq "a+b"`}
	r, _ := seen(t, context.Background(), event)
	assert.Equal(t, `userName eq "a+b"`, r.URL.Query().Get("filter"), "filter")
}

func TestHandler_HeadersAreWhole(t *testing.T) {
	headers := map[string]string{
		"if-match":        `W/"1,2", "3"`,
		"if-none-match":   `"a","b"`,
		"user-agent":      "Okta SCIM Client 1.0.0 (KHTML, like Gecko)",
		"authorization":   "Bearer a,b",
		"content-type":    `application/scim+json; profile="a,b"`,
		"accept":          "application/scim+json, application/json",
		"x-forwarded-for": "192.0.2.1, 192.0.2.2",
		"date":            "Mon, 02 Nov 2026 10:00:00 GMT",
	}
	event := get("GET /scim/v2/Users", "/scim/v2/Users", nil)
	event.Headers = map[string]string{"Host": "scim.example.com", "content-length": "0"}
	for name, value := range headers {
		event.Headers[name] = value
	}
	event.Cookies = []string{"a=1", "b=2"}
	r, _ := seen(t, context.Background(), event)
	for name, want := range headers {
		got := r.Header.Values(name)
		assert.Truef(t, len(got) == 1 && got[0] == want, "%s: %q, want one value %q", name, got, want)
	}
	got := r.Header.Get("Cookie")
	assert.Equalf(t, "a=1; b=2", got, "cookie %q", got)
	assert.Truef(t, r.Host == "scim.example.com" && r.Header.Get("Host") == "", "host %q, header %q", r.Host, r.Header.Get("Host"))
	assert.Equalf(t, "192.0.2.1:0", r.RemoteAddr, "remote address %q", r.RemoteAddr)
}

func TestHandler_InvocationIsLambdasOwn(t *testing.T) {
	event := get("GET /scim/v2/Users", "/scim/v2/Users", nil)
	event.Headers["lambda-runtime-aws-request-id"] = "forged"
	event.Headers["x-amzn-trace-id"] = "Root=forged"

	r, _ := seen(t, context.Background(), event)
	id, trace := r.Header.Get(web.InvocationHeader), r.Header.Get(web.TraceHeader)
	assert.Truef(t, id == "" && trace == "", "outside Lambda: request %q, trace %q, want none", id, trace)
	r, _ = seen(t, WithInvocation(context.Background(), "request", "Root=1-2-3"), event)
	id, trace = r.Header.Get(web.InvocationHeader), r.Header.Get(web.TraceHeader)
	assert.Truef(t, id == "request" && trace == "Root=1-2-3", "request %q, trace %q", id, trace)
}

func TestHandler_Body(t *testing.T) {
	binary := string([]byte{0xff, 0xfe, 0, 1})
	tests := []struct {
		name, body string
		base64     bool
		want       string
	}{
		{"none", "", false, ""},
		{"text", `{"a":"é"}`, false, `{"a":"é"}`},
		{"text that looks like base64", "YWJj", false, "YWJj"},
		{"base64", base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)), true, `{"a":1}`},
		{"base64 of binary", base64.StdEncoding.EncodeToString([]byte(binary)), true, binary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := get("POST /scim/v2/Users", "/scim/v2/Users", nil)
			event.RequestContext.HTTP.Method = http.MethodPost
			event.Body, event.IsBase64Encoded = tt.body, tt.base64
			r, body := seen(t, context.Background(), event)
			assert.Truef(t, body == tt.want && r.ContentLength == int64(len(tt.want)), "body %q of %d, want %q", body, r.ContentLength, tt.want)
		})
	}
}

func TestHandler_RefusesWhatIsNoRequest(t *testing.T) {
	method := func(m string) Event {
		event := get("$default", "/", nil)
		event.RequestContext.HTTP.Method = m
		return event
	}
	bad := get("$default", "/", nil)
	bad.Body, bad.IsBase64Encoded = "!", true
	for name, event := range map[string]Event{
		"damaged base64": bad, "no method": method(""), "method with a space": method("GET /"), "method with NUL": method("\x00"), "nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := Handler(http.NotFoundHandler())(context.Background(), event)
			require.NoError(t, err)
			checkRefusal(t, response, http.StatusBadRequest, "invalidSyntax")
		})
	}
}

func TestInvoke_AnswersWhatIsNoEvent(t *testing.T) {
	for _, payload := range []string{"", "null", "[]", `{"body":1}`, `{"httpMethod":"GET","version":"1.0"}`, `"x"`, "\xff"} {
		b, err := invoker(Handler(http.NotFoundHandler())).Invoke(context.Background(), []byte(payload))
		if err != nil {
			t.Errorf("%q: %v", payload, err)
			continue
		}
		var response Response
		if err := json.Unmarshal(b, &response); err != nil {
			t.Errorf("%q: %v", payload, err)
			continue
		}
		checkRefusal(t, response, http.StatusBadRequest, "invalidSyntax")
	}
}

func TestHandler_SurvivesAPanic(t *testing.T) {
	response, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("secret")
	}))(context.Background(), get("$default", "/", nil))
	require.NoError(t, err)
	checkRefusal(t, response, http.StatusInternalServerError, "")
	assert.NotContains(t, response.Body, "secret", "the answer contains the fault")
}

func TestHandler_RefusesAnAnswerThatLambdaWould(t *testing.T) {
	for _, tt := range []struct {
		name string
		body string
		want int
	}{
		{"fits", strings.Repeat("a", MaxResponseBytes-1<<10), http.StatusOK},
		{"does not fit", strings.Repeat("a", MaxResponseBytes), http.StatusBadRequest},
		{"does not fit once escaped", strings.Repeat(`"`, MaxResponseBytes/2), http.StatusBadRequest},
		{"does not fit in base64", strings.Repeat("\xff", MaxResponseBytes*4/5), http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, tt.body)
			}))(context.Background(), get("$default", "/", nil))
			require.Truef(t, err == nil && response.StatusCode == tt.want, "status %d, %v, want %d", response.StatusCode, err, tt.want)
			b, err := encode(response)
			assert.Truef(t, err == nil && len(b) <= MaxResponseBytes, "%d bytes, %v", len(b), err)
		})
	}
}

// The same handler gives the same answers over HTTP and with events.
func TestHandler_AnswersAsNetHTTPDoes(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"text":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello <&>") },
		"binary": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte{0xff, 0, 1})
		},
		"gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/scim+json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"Resources":[]}`)
			_ = z.Close()
		},
		"status":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); _, _ = io.WriteString(w, "x") },
		"two statuses": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusBadGateway)
		},
		"early hints": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(201) },
		"late header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Early", "1")
			w.WriteHeader(http.StatusOK)
			w.Header().Set("X-Late", "1")
		},
		"header values": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Vary", "Accept")
			w.Header().Add("Vary", "Origin")
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			h(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			want := recorder.Result()
			wantBody, _ := io.ReadAll(want.Body)
			_ = want.Body.Close()
			if name == "early hints" { // the recorder keeps the first status, a server the last
				want.StatusCode = http.StatusCreated
			}
			if want.StatusCode == http.StatusNoContent {
				wantBody = nil
			}

			got, err := Handler(h)(context.Background(), get("$default", "/", nil))
			require.NoError(t, err)
			body := []byte(got.Body)
			if got.IsBase64Encoded {
				body, err = base64.StdEncoding.DecodeString(got.Body)
				require.NoError(t, err)
			}
			if got.StatusCode != want.StatusCode || string(body) != string(wantBody) {
				t.Errorf("%d %q, want %d %q", got.StatusCode, body, want.StatusCode, wantBody)
			}
			cookies := want.Header.Values("Set-Cookie")
			assert.Equalf(t, strings.Join(cookies, "\n"), strings.Join(got.Cookies, "\n"), "cookies %q, want %q", got.Cookies, cookies)
			want.Header.Del("Set-Cookie")
			for name, values := range want.Header {
				assert.Equalf(t, strings.Join(values, ","), got.Headers[name], "%s: %q, want %q", name, got.Headers[name], values)
			}
			for name := range got.Headers {
				assert.NotEmptyf(t, want.Header.Get(name), "%s: %q, want none", name, got.Headers[name])
			}
		})
	}
}

// The library sends anything that is not UTF-8 in base64: gzip never is UTF-8,
// because of its second byte, however little follows.
func TestHandler_GzipIsBase64(t *testing.T) {
	for _, level := range []int{gzip.NoCompression, gzip.BestSpeed, gzip.DefaultCompression, gzip.HuffmanOnly} {
		for _, plain := range []string{"", "a", `{"Resources":[]}`, strings.Repeat("é", 1000)} {
			response, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z, _ := gzip.NewWriterLevel(w, level)
				_, _ = io.WriteString(z, plain)
				_ = z.Close()
			}))(context.Background(), get("$default", "/", nil))
			if err != nil || !response.IsBase64Encoded || response.Headers["Content-Encoding"] != "gzip" {
				t.Fatalf("level %d of %.9q: base64 %t, %v, %v", level, plain, response.IsBase64Encoded, response.Headers, err)
			}
			z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(response.Body)))
			require.NoError(t, err)
			got, err := io.ReadAll(z)
			assert.Truef(t, err == nil && string(got) == plain, "level %d: got %.9q, %v, want %.9q", level, got, err, plain)
		}
	}
}

// Every event gets an answer, and the handler sees the id that API Gateway
// read.
func FuzzHandler(f *testing.F) {
	f.Add("GET", "GET /scim/v2/Users/{id}", "/scim/v2/Users/a/b", "a/b", `filter=userName+eq+"x"`, "if-match", `"a,b"`, "eyJ9", true)
	f.Add("PUT", "$default", "/scim/v2/..//Users/\x00", "", "%zz", "cookie", "\xff", "{", false)
	known := corpus.Read(f, "../..")
	for _, body := range known.Bodies {
		f.Add("POST", "POST /scim/v2/Users", "/scim/v2/Users", "", "", "content-type", "application/scim+json", base64.StdEncoding.EncodeToString([]byte(body)), true)
	}
	for _, filter := range known.Filters {
		f.Add("GET", "GET /scim/v2/Users/{id}", "/scim/v2/Users/a", "a", "filter="+url.QueryEscape(filter), "accept", "*/*", "", false)
	}
	for _, value := range known.Values {
		f.Add("GET", "GET /scim/v2/Users/{id}", "/scim/v2/Users/"+value, value, "", "if-match", value, "", false)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/scim/v2/Users/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Id", "1")
		_, _ = io.WriteString(w, r.PathValue("id"))
		_, _ = io.Copy(io.Discard, r.Body)
	})
	handler := Handler(mux)
	f.Fuzz(func(t *testing.T, method, routeKey, rawPath, id, query, name, value, body string, isBase64 bool) {
		event := get(routeKey, rawPath, map[string]string{"id": id})
		event.RequestContext.HTTP.Method = method
		event.RawQueryString = query
		event.Headers[name] = value
		event.Body, event.IsBase64Encoded = body, isBase64
		response, err := handler(context.Background(), event)
		require.NoError(t, err)
		require.Truef(t, response.StatusCode >= 200 && response.StatusCode <= 599, "status %d", response.StatusCode)
		if routeKey != "GET /scim/v2/Users/{id}" || id == "" || method == http.MethodConnect || response.StatusCode == http.StatusBadRequest {
			return
		}
		got := response.Body
		if response.IsBase64Encoded {
			b, err := base64.StdEncoding.DecodeString(got)
			require.NoError(t, err)
			got = string(b)
		}
		require.Truef(t, response.Headers["X-Id"] != "" && got == id, "id %q answered as %q, status %d", id, got, response.StatusCode)
	})
}

func checkRefusal(t *testing.T, response Response, status int, scimType string) {
	t.Helper()
	var body struct {
		Schemas  []string
		Status   string
		SCIMType string
		Detail   string
	}
	err := json.Unmarshal([]byte(response.Body), &body)
	require.NoErrorf(t, err, "%v in %s", err, response.Body)
	if response.StatusCode != status || body.SCIMType != scimType || body.Detail == "" || len(body.Schemas) != 1 ||
		response.Headers["Content-Type"] != "application/scim+json" {
		t.Errorf("got %d %v %s, want a SCIM error %d %q", response.StatusCode, response.Headers, response.Body, status, scimType)
	}
	id := response.Headers["X-Request-Id"]
	if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 7 || !strings.HasSuffix(body.Detail, "(request "+id+")") {
		t.Errorf("X-Request-Id %q, detail %q: %v", id, body.Detail, err)
	}
}
