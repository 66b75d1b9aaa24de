package logline

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decode returns the one line of a log.
func decode(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	text, ok := strings.CutSuffix(log.String(), "\n")
	require.Truef(t, ok && !strings.ContainsAny(text, "\n\r"), "%q is not one line", log)
	var line map[string]any
	err := json.Unmarshal([]byte(text), &line)
	require.NoErrorf(t, err, "%v in %s", err, text)
	return line
}

// Lambda's filter needs level and an RFC 3339 timestamp.
func TestHandler_HasTheFormThatLambdaFilters(t *testing.T) {
	var log bytes.Buffer
	before := time.Now().Truncate(time.Millisecond)
	New(&log).Warn("said", "event", "scim.test", "n", 1, "time", "late", "error", errors.New("why"), "took", time.Second)
	line := decode(t, &log)
	at, err := time.Parse(time.RFC3339, line["timestamp"].(string))
	if err != nil || at.Before(before) || at.After(time.Now()) || !strings.HasSuffix(line["timestamp"].(string), "Z") {
		t.Errorf("timestamp %v, %v", line["timestamp"], err)
	}
	delete(line, "timestamp")
	want := map[string]any{
		"level": "WARN", "message": "said", "event": "scim.test", "n": 1.0, "time": "late", "error": "why", "took": "1s",
	}
	assert.Truef(t, maps.Equal(line, want), "got %v, want %v", line, want)
}

func TestHandler_LeavesOutWhatIsBelowItsLevel(t *testing.T) {
	for name, want := range map[string]string{
		"": "IWE", "INFO": "IWE", "DEBUG": "DIWE", "TRACE": "DIWE", "WARN": "WE", "ERROR": "E", "FATAL": "", "loud": "IWE",
	} {
		var log bytes.Buffer
		l := slog.New(Handler(&log, functionLevel(name)))
		l.Debug("D")
		l.Info("I")
		l.Warn("W")
		l.Error("E")
		var got string
		for line := range strings.Lines(log.String()) {
			var said struct{ Message string }
			require.NoError(t, json.Unmarshal([]byte(line), &said))
			got += said.Message
		}
		assert.Equalf(t, want, got, "%q logs", name)
	}
}

func TestHandler_MakesTextInert(t *testing.T) {
	for name, text := range map[string]string{
		"markup":             `<script>alert("x")</script>&amp;`,
		"a line of its own":  "a\n{\"level\":\"ERROR\"}\r\n",
		"line separators":    "a\u2028b\u2029c\u0085d",
		"bidi":               "\u202egnp.exe \u2066x\u2069 \u200f\u061c",
		"invisible":          "a\u200bb\ufeffc\u00adde\u2060",
		"tags beyond 16 bit": "a\U000E0041\U000E007F",
		"terminal":           "\x1b[31mred\x1b]0;title\x07 \x7f \u009b2J",
		"nothing":            "\x00",
		"names as they are":  "Zoë Łukasz 山田太郎 أحمد 👩",
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			New(&log).Info("m", "subject", text)
			line := decode(t, &log)
			assert.Truef(t, line["subject"] == text, "%q comes back as %q", text, line["subject"])
			for _, r := range strings.TrimSuffix(log.String(), "\n") {
				assert.Truef(t, !strings.ContainsRune("<>&", r) && unicode.IsPrint(r), "%U is in the line %s", r, &log)
			}
		})
	}
}

func TestHandler_BoundsText(t *testing.T) {
	for name, text := range map[string]string{
		"letters":    strings.Repeat("a", 1<<20),
		"characters": "a" + strings.Repeat("é", 1<<19),
		"no UTF-8":   strings.Repeat("\xff", 1<<20),
		"in reverse": strings.Repeat("\u202e", 1<<19),
	} {
		var log bytes.Buffer
		New(&log).Info(text, "subject", text, "error", errors.New(text))
		line := decode(t, &log)
		for _, field := range []string{"message", "subject", "error"} {
			got := line[field].(string)
			if len(got) > 3*MaxText+len("…") || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") || len(got) < MaxText-8 {
				t.Errorf("%s: %s of %d bytes", name, field, len(got))
			}
		}
	}
	var log bytes.Buffer
	exact := strings.Repeat("a", MaxText)
	New(&log).Info("m", "subject", exact)
	assert.Truef(t, decode(t, &log)["subject"] == exact, "a text of %d bytes is cut", MaxText)
}

func TestCounted_MarksWhatIsWorthCounting(t *testing.T) {
	for name, tt := range map[string]struct {
		attrs []any
		want  []string // metric and dimensions
	}{
		"a success costs nothing": {[]any{"event", "scim.request", "outcome", "success", "retries", 0}, nil},
		"a failure":               {[]any{"event", "scim.request", "outcome", "failure", "cause", "seat_limit"}, []string{"failures by stack", "failures by stack,cause"}},
		"a warning":               {[]any{"event", "scim.request", "outcome", "warning", "cause", "tolerated"}, []string{"warnings by stack", "warnings by stack,cause"}},
		"retries of a success":    {[]any{"event", "scim.request", "outcome", "success", "retries", 2}, []string{"retries by stack"}},
		"a failure with retries": {
			[]any{"event", "scim.request", "outcome", "failure", "cause", "conflict", "retries", 9},
			[]string{"failures by stack", "failures by stack,cause", "retries by stack"},
		},
		"the application's side": {[]any{"event", "admin.request", "outcome", "failure", "cause", "not-found", "retries", 1}, nil},
		"a sweep with retries":   {[]any{"event", "scim.sweep", "retries", 1, "due", 0, "done", 0, "deleted", 0, "left", 0, "oldestSeconds", 0.0, "stalledSeconds", 0.0}, nil},
		"tasks that were due": {
			[]any{"event", "scim.sweep", "due", 3, "done", 1, "deleted", 7, "left", 2, "oldestSeconds", 90.5, "stalledSeconds", 60.0},
			[]string{"due by stack", "done by stack", "deleted by stack", "left by stack", "oldestSeconds by stack", "stalledSeconds by stack"},
		},
		"a batch without events": {[]any{"event", "feed", "records", 9, "events", 0, "recordsFailed", 0, "poison", 0}, nil},
		"a batch with events": {
			[]any{"event", "feed", "records", 9, "events", 2, "recordsFailed", 0, "poison", 0},
			[]string{"events by stack", "recordsFailed by stack", "poison by stack"},
		},
		"a batch that has to come again": {
			[]any{"event", "feed", "records", 9, "events", 0, "recordsFailed", 4, "poison", 0},
			[]string{"events by stack", "recordsFailed by stack", "poison by stack"},
		},
		"a delivery":            {[]any{"event", "webhook.delivery", "delivered", 3, "failed", 0}, []string{"delivered by stack", "failed by stack"}},
		"a delivery of nothing": {[]any{"event", "webhook.delivery", "delivered", 0, "failed", 0, "busy", true}, nil},
		"a delivery that disables its endpoint": {
			[]any{"event", "webhook.delivery", "delivered", 0, "failed", 1, "disabled", "It answered 410."},
			[]string{"delivered by stack", "failed by stack", "endpointDisabled by stack"},
		},
		"endpoints that work": {[]any{"event", "webhook.overview", "endpoints", 2, "pausedEndpoints", 0, "pendingSeconds", 0.0, "unacknowledgedSeconds", 0.0}, nil},
		"a departure that waits": {
			[]any{"event", "webhook.overview", "endpoints", 2, "pausedEndpoints", 0, "pendingSeconds", 310.5, "unacknowledgedSeconds", 310.5},
			[]string{"pausedEndpoints by stack", "pendingSeconds by stack", "unacknowledgedSeconds by stack"},
		},
		"a line of another kind": {[]any{"event", "scim.other", "retries", 1, "due", 3, "left", 3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			slog.New(Counted(Handler(&log, slog.LevelInfo), "prod")).With("tenant", "acme").Info("m", tt.attrs...)
			line := decode(t, &log)
			got := measured(t, line)
			assert.Truef(t, slices.Equal(got, tt.want), "got %q, want %q in %s", got, tt.want, &log)
			_, ok := line["stack"]
			assert.Equalf(t, tt.want != nil, ok, "stack in %s", &log)
		})
	}
}

// measured returns what CloudWatch counts in a line, by the rules of the
// format.
func measured(t *testing.T, line map[string]any) []string {
	t.Helper()
	b, err := json.Marshal(line["_aws"])
	require.NoError(t, err)
	var m *metadata
	require.NoError(t, json.Unmarshal(b, &m))
	if m == nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, line["timestamp"].(string))
	assert.Truef(t, err == nil && at.UnixMilli() == m.Timestamp, "the metrics are of %d, the line of %v", m.Timestamp, line["timestamp"])
	var all []string
	for _, d := range m.CloudWatchMetrics {
		assert.Equalf(t, Namespace, d.Namespace, "namespace %q", d.Namespace)
		for _, metric := range d.Metrics {
			_, ok := line[metric.Name].(float64)
			assert.Truef(t, ok, "%s is %v in the line", metric.Name, line[metric.Name])
			for _, set := range d.Dimensions {
				for _, dimension := range set {
					assert.Falsef(t, dimension != Stack && dimension != Cause, "%s is a dimension", dimension)
					text, ok := line[dimension].(string)
					assert.Truef(t, ok && text != "", "%s is %v in the line", dimension, line[dimension])
				}
				all = append(all, metric.Name+" by "+strings.Join(set, ","))
			}
		}
	}
	return all
}
