package httpapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// The sender's id of a request is logged beside our own id, and never replaces
// it.
func TestEvent_KeepsTheIdentityProvidersRequestID(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for name, tt := range map[string]struct {
		headers []string
		want    any
	}{
		"none":               {nil, nil},
		"Okta's":             {[]string{"X-Okta-Request-Id", "reqWuSnkFJbSQyNQ-XGNVu_lw"}, "reqWuSnkFJbSQyNQ-XGNVu_lw"},
		"Microsoft's":        {[]string{"client-request-id", "7a8b4b0c-58a0-4a7a-9b57-0f0ed7d5a3c1"}, "7a8b4b0c-58a0-4a7a-9b57-0f0ed7d5a3c1"},
		"the Azure SDKs'":    {[]string{"x-ms-client-request-id", "7a8b4b0c"}, "7a8b4b0c"},
		"a request id":       {[]string{"X-Request-Id", "abc.1:2/3+4=@5"}, "abc.1:2/3+4=@5"},
		"a trace":            {[]string{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"the first of two":   {[]string{"X-Request-Id", "second", "X-Okta-Request-Id", "first"}, "first"},
		"the well-formed":    {[]string{"X-Request-Id", "second", "X-Okta-Request-Id", "fir st"}, "second"},
		"the longest":        {[]string{"X-Request-Id", strings.Repeat("a", 128)}, strings.Repeat("a", 128)},
		"too long":           {[]string{"X-Request-Id", strings.Repeat("a", 129)}, nil},
		"markup":             {[]string{"X-Request-Id", "<script>"}, nil},
		"a line":             {[]string{"X-Request-Id", "a\nb"}, nil},
		"a direction":        {[]string{"X-Request-Id", "a\u202eb"}, nil},
		"JSON":               {[]string{"X-Request-Id", `","level":"ERROR`}, nil},
		"a token":            {[]string{"X-Request-Id", s.token}, nil},
		"a token in another": {[]string{"X-Request-Id", "id:" + s.token}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.send("GET", "/Users/42", "", tt.headers...)
			got := a.event["idpRequestId"]
			assert.Truef(t, got == tt.want, "idpRequestId %v, want %v", got, tt.want)
			id := a.header.Get("X-Request-Id")
			if id == "" || id == tt.want || a.event["requestId"] != id || !strings.Contains(a.raw, "(request "+id+")") {
				t.Errorf("X-Request-Id %q in %v, answered %s", id, a.event, a.raw)
			}
		})
	}
}

// The log line of any subject is one line of bounded length, without characters
// that a terminal or a page would interpret. Decoded, it contains the subject
// as it was sent.
func TestEvent_HostileSubjectsAreInert(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for name, tt := range map[string]struct{ sent, want string }{
		"markup":      {`<script>alert(1)</script>`, `<script>alert(1)</script>`},
		"an entity":   {`&lt;img src=x onerror=alert(1)>`, `&lt;img src=x onerror=alert(1)>`},
		"a line":      {`a\n{\"level\":\"ERROR\"}\r\nb`, "a\n{\"level\":\"ERROR\"}\r\nb"},
		"separators":  {`a\u2028b\u2029c\u0085d`, "a\u2028b\u2029c\u0085d"},
		"bidi":        {`\u202egro.elpmaxe@\u2066eve\u2069`, "\u202egro.elpmaxe@\u2066eve\u2069"},
		"a terminal":  {`\u001b[2J\u009b31m\u0007`, "\x1b[2J\u009b31m\a"},
		"1 KB":        {strings.Repeat("x", 1024), strings.Repeat("x", 128)},
		"1 KB, bidi":  {strings.Repeat("\u202e", 342), strings.Repeat("?", 128)},
		"1 MB, lines": {strings.Repeat(`\n`, 1<<19-200), strings.Repeat("?", 128)},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			before := len(s.log.String())
			// A second user of that name is refused with a detail that has the
			// name.
			for range 2 {
				a := s.send("POST", "/Users", userBody(`"userName":"`+tt.sent+`","active":true`))
				got := a.event["subject"]
				assert.Truef(t, got == tt.want, "subject %.200q, want %q, in %d %.300s", got, tt.want, a.status, a.raw)
			}
			logged := s.log.String()[before:]
			assert.Truef(t, len(logged) <= 2*16<<10, "%d bytes are logged", len(logged))
			for _, r := range strings.ReplaceAll(logged, "\n", "") {
				if r < ' ' || r > '~' && !strings.ContainsRune("…", r) || strings.ContainsRune("<>&", r) {
					t.Fatalf("%U is in the line: %.300s", r, logged)
				}
			}
			assert.Equalf(t, 2, strings.Count(logged, "\n"), "two requests are %d lines", strings.Count(logged, "\n"))
		})
	}
}
