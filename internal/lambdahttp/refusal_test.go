package lambdahttp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/logline"
)

// An answer of this package is reported and logged like any other refusal.
func TestRefuse_LogsTheEventOfARequest(t *testing.T) {
	ctx := WithInvocation(context.Background(), "8f5e3c6e-1", "Root=1-2-3;Parent=4;Sampled=1")
	for name, tt := range map[string]struct {
		payload string
		handler http.HandlerFunc
		id      string // the handler's own
		want    map[string]any
	}{
		"no event": {
			payload: "[]",
			want:    map[string]any{"status": 400.0, "level": "WARN", "cause": "bad_event", "scimType": "invalidSyntax"},
		},
		"no request": {
			payload: `{"requestContext":{"requestId":"JKJ","http":{"method":"GET /"}}}`,
			want:    map[string]any{"status": 400.0, "level": "WARN", "cause": "bad_event", "apiRequestId": "JKJ"},
		},
		"a panic": {
			handler: func(http.ResponseWriter, *http.Request) { panic("secret") },
			want:    map[string]any{"status": 500.0, "level": "ERROR", "cause": "internal"},
		},
		"an answer that is too large": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "the-handler-s")
				_, _ = io.WriteString(w, strings.Repeat("a", MaxResponseBytes))
			},
			id:   "the-handler-s",
			want: map[string]any{"status": 400.0, "level": "WARN", "cause": "answer_too_large", "scimType": "tooMany", "answered": 200.0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := slog.Default()
			defer slog.SetDefault(before)
			var log bytes.Buffer
			slog.SetDefault(slog.New(&invoked{logline.Handler(&log, slog.LevelInfo)}))
			if tt.payload == "" {
				tt.payload = `{"rawPath":"/","requestContext":{"http":{"method":"GET"}}}`
			}
			b, err := invoker(Handler(tt.handler)).Invoke(ctx, []byte(tt.payload))
			require.NoError(t, err)
			var response Response
			var body struct{ Detail, Status string }
			var line map[string]any
			for of, into := range map[string]any{string(b): &response, log.String(): &line} {
				err := json.Unmarshal([]byte(of), into)
				require.NoErrorf(t, err, "%v in %s", err, of)
			}
			require.NoError(t, json.Unmarshal([]byte(response.Body), &body))
			got := response.Headers["X-Content-Type-Options"]
			assert.Equalf(t, "nosniff", got, "X-Content-Type-Options %q", got)
			id := response.Headers["X-Request-Id"]
			assert.Truef(t, id != "" && (tt.id == "" || id == tt.id), "X-Request-Id %q, want %q", id, tt.id)
			tt.want["requestId"], tt.want["detail"] = id, body.Detail
			tt.want["event"], tt.want["outcome"] = "scim.request", "failure"
			tt.want["lambdaRequestId"], tt.want["traceId"] = "8f5e3c6e-1", "1-2-3"
			for field, want := range tt.want {
				assert.Truef(t, line[field] == want, "%s is %v, want %v", field, line[field], want)
			}
			assert.NotContainsf(t, log.String()+string(b), "secret", "a value of the request is shown: %s %s", &log, b)
		})
	}
}

func TestReasons_AreCausesOfTheTable(t *testing.T) {
	for _, r := range []reason{badEvent, panicked, answerTooLarge} {
		m := cause.Cause(r.cause).Meaning()
		if !slices.Contains(cause.Causes(), cause.Cause(r.cause)) || m.Status != r.status || string(m.Type) != r.scimType || m.Action != r.action {
			t.Errorf("%+v is not %+v", r, m)
		}
	}
}
