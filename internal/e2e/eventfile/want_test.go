package eventfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const answer = `{"statusCode":201,"headers":{"Content-Type":"application/scim+json","Location":"https://x/v2/Users/01a205cd-a0ad-7720-b36c-58e8dafcdcfe","X-Request-Id":"r-1"},
"body":"{\"id\":\"01a205cd-a0ad-7720-b36c-58e8dafcdcfe\",\"n\":[1,true,null],\"meta\":{\"created\":\"2026-01-05T09:00:00.000Z\"},\"detail\":\"no (request r-1)\"}"}`

const expected = `{"about":"a","status":201,
"headers":{"content-type":"application/scim+json","location":"{{baseUrl}}/Users/{{uuid:id}}"},"absent":["etag"],
"body":{"id":"{{uuid:id}}","n":[1,true,null],"meta":{"created":"{{time}}"},"detail":"{{any}} (request {{requestId}})"},
"log":{"event":"scim.request","cause":null}}`

var line = []map[string]any{{"event": "scim.request", "status": 201.0}}

func check(t *testing.T, want string, log []map[string]any) error {
	t.Helper()
	var w Want
	require.NoError(t, json.Unmarshal([]byte(want), &w))
	return w.Check([]byte(answer), log, "https://x/v2")
}

func TestCheck_AcceptsTheExpectedAnswer(t *testing.T) {
	assert.NoError(t, check(t, expected, line))
}

func TestCheck_NamesEachDifference(t *testing.T) {
	for _, tt := range []struct{ from, to, says string }{
		{`"status":201`, `"status":200`, "status 201, want 200"},
		{`application/scim+json`, `application/json`, "header content-type"},
		{`"location"`, `"etag"`, "header etag is missing"},
		{`["etag"]`, `["location"]`, "header location is"},
		{`{{baseUrl}}`, `https://y/v2`, "header location"},
		{`"id":"{{uuid:id}}"`, `"id":"01a205cd-a0ad-7720-b36c-58e8dafcdcff"`, "body.id"},
		{`"id":"{{uuid:id}}"`, `"id":{}`, "want an object"},
		{`[1,true,null]`, `[1,true]`, "body.n"},
		{`[1,true,null]`, `[1,"true",null]`, "body.n[1]"},
		{`[1,true,null]`, `[2,true,null]`, "body.n[0]"},
		{`[1,true,null]`, `[1,true,0]`, "body.n[2]"},
		{`"{{time}}"`, `"{{uuid}}"`, "body.meta.created"},
		{`"{{time}}"`, `"{{tim}}"`, "unknown placeholder"},
		{`"meta":{"created":"{{time}}"},`, ``, "body.meta is"},
		{`"n":[1,true,null]`, `"n":[1,true,null],"m":1`, "body.m is missing"},
		{`{{requestId}}`, `r-2`, "body.detail"},
		{`"cause":null`, `"cause":"x"`, "log cause"},
		{`"cause":null`, `"status":200`, "log status"},
		{`"cause":null`, `"status":null`, "log status"},
		{`"body":{"id"`, `"body":null,"log":{"id"`, "body is"},
	} {
		want := strings.Replace(expected, tt.from, tt.to, 1)
		require.NotEqualf(t, expected, want, "%s is not in the example", tt.from)
		err := check(t, want, line)
		assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.says), "with %s: %v, want %q", tt.to, err, tt.says)
	}
	for _, log := range [][]map[string]any{nil, {line[0], line[0]}} {
		err := check(t, expected, log)
		assert.Truef(t, err != nil && strings.Contains(err.Error(), "lines were logged"), "%d lines: %v", len(log), err)
	}
}

// The lines of the operations of a bulk request come before its own line.
func TestCheck_Operations(t *testing.T) {
	lines := func(ops ...string) (all []map[string]any) {
		for _, op := range ops {
			all = append(all, map[string]any{"operation": op})
		}
		return all
	}
	w := Want{Log: map[string]any{"operation": "bulk"}, Operations: lines("create", "delete")}
	for _, tt := range []struct {
		log  []map[string]any
		says string
	}{
		{lines("create", "delete", "bulk"), ""},
		{lines("delete", "create", "bulk"), `log of operation 1, operation is "delete", want "create"`},
		{lines("create", "bulk"), "2 lines were logged, want 3"},
		{lines("create", "delete", "create"), `log operation is "create", want "bulk"`},
	} {
		if err := w.Check([]byte("null"), tt.log, ""); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v: %v, want %q", tt.log, err, tt.says)
		}
	}
}

func TestCheck_RefusesADamagedAnswer(t *testing.T) {
	for says, response := range map[string]string{
		"not an HTTP response":              `nonsense`,
		"not base64":                        `{"statusCode":200,"headers":{},"body":"?","isBase64Encoded":true}`,
		"not gzip":                          `{"statusCode":200,"headers":{"Content-Encoding":"gzip"},"body":"{}"}`,
		"not JSON":                          `{"statusCode":200,"headers":{},"body":"{"}`,
		"something follows the JSON value":  `{"statusCode":200,"headers":{},"body":"{\"detail\":\"\"}{}"}`,
		"unknown placeholder {{requestId}}": `{"statusCode":200,"headers":{},"body":"{\"detail\":\"\"}"}`,
	} {
		w := Want{Status: 200, Body: map[string]any{"detail": "{{requestId}}"}}
		err := w.Check([]byte(response), nil, "")
		assert.Truef(t, err != nil && strings.Contains(err.Error(), says), "%s: %v, want %q", response, err, says)
	}
}

// A named placeholder is the same text everywhere.
func TestCheck_NamedPlaceholdersAreTheSame(t *testing.T) {
	const other = `{"statusCode":200,"headers":{},"body":"{\"a\":\"01a205cd-a0ad-7720-b36c-58e8dafcdcfe\",\"b\":\"01a205cd-a0ad-7720-b36c-58e8dafcdcff\"}"}`
	for name, want := range map[string]bool{"{{uuid:x}}": false, "{{uuid}}": true, "{{uuid:y}}": true} {
		w := Want{Status: 200, Body: map[string]any{"a": "{{uuid:x}}", "b": name}}
		err := w.Check([]byte(other), nil, "")
		assert.Equalf(t, want, err == nil, "%s: %v", name, err)
	}
}

func TestCheck_NoAnswer(t *testing.T) {
	assert.NoError(t, (Want{}).Check([]byte("null"), nil, ""))
	assert.Error(t, (Want{}).Check([]byte(answer), nil, ""), "an answer passes where none is expected")
	assert.Error(t, (Want{Status: 200}).Check([]byte("null"), nil, ""), "no answer passes where one is expected")
}

func TestCheck_AnswerOfAnotherInvocation(t *testing.T) {
	w := Want{Answer: map[string]any{"batchItemFailures": []any{}}}
	require.NoError(t, w.Check([]byte(`{"batchItemFailures":[]}`), nil, ""))
	for _, other := range []string{`null`, ``, `{}`, `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, `{"batchItemFailures":[],"x":1}`} {
		assert.Error(t, w.Check([]byte(other), nil, ""), other)
	}
}

func TestFunctionOf_FollowsTheSource(t *testing.T) {
	for event, want := range map[string]string{
		`{"source":"aws.events","resources":["arn:aws:events:us-east-1:1:rule/rollcall-SweepFunctionSchedule-1A"]}`: "SweepFunction",
		`{"source":"aws.events","resources":["arn:aws:events:us-east-1:1:rule/DeliverFunctionSchedule"]}`:           "DeliverFunction",
		`{"source":"aws.events","resources":["arn:aws:events:us-east-1:1:rule/other"]}`:                             "",
		`{"Records":[{"eventSource":"aws:dynamodb"}]}`:                                                              "FeedFunction",
		`{"Records":[{"eventSource":"aws:sqs"}]}`:                                                                   "DeliverFunction",
		`{"Records":[{"eventSource":"aws:s3"}]}`:                                                                    "",
		`{"routeKey":"$default"}`:                                                                                   "",
		`[`:                                                                                                         "",
	} {
		assert.Equal(t, want, FunctionOf([]byte(event)), event)
	}
}

// An invalid file is an error, and never ignored.
func TestLoad_RefusesInvalidFiles(t *testing.T) {
	const event, want = `{"routeKey":"GET /x"}`, `{"about":"a","status":200}`
	for name, files := range map[string]map[string]string{
		"an event without an answer": {"a.json": event},
		"an answer without an event": {"a.json": event, "a.want.json": want, "b.want.json": want},
		"another file":               {"a.json": event, "a.want.json": want, "a.txt": ""},
		"not JSON":                   {"a.json": "{", "a.want.json": want},
		"an answer that is not JSON": {"a.json": event, "a.want.json": "{"},
		"an unknown field":           {"a.json": event, "a.want.json": `{"about":"a","stats":200}`},
		"two answers":                {"a.json": event, "a.want.json": want + want},
		"no description":             {"a.json": event, "a.want.json": `{"status":200}`},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for name, text := range files {
				require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
			}
			events, err := Load(folder)
			assert.Errorf(t, err, "read as %v", events)
		})
	}
}
