package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	block    = regexp.MustCompile("(?s)```sh\n(.*?)```\n\n```json\n(.*?)\n```")
	curlURL  = regexp.MustCompile(`'(http://[^']*)'|"(http://[^"]*)"|(http://\S+)`)
	curlBody = regexp.MustCompile(`(?s)-d '(.*?)'`)
	curlVerb = regexp.MustCompile(`-X (\w+)`)
	changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|http://127\.0\.0\.1:\d+`)
)

// The requests in the README answer what it says, but for ids, times and the port.
func TestREADME_RequestsAnswerAsShown(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != 3 {
		t.Fatalf("the README has %d requests with their answers, want 3", len(blocks))
	}
	s := start(t)
	defer s.end()
	id := ""
	for _, b := range blocks {
		command, shown := b[1], b[2]
		found := curlURL.FindStringSubmatch(command)
		if found == nil {
			t.Fatalf("no URL in %s", command)
		}
		target := found[1] + found[2] + found[3]
		method, body := http.MethodGet, ""
		if m := curlBody.FindStringSubmatch(command); m != nil {
			method, body = http.MethodPost, m[1]
		}
		if m := curlVerb.FindStringSubmatch(command); m != nil {
			method = m[1]
		}
		path := strings.ReplaceAll(strings.TrimPrefix(target, "http://127.0.0.1:8080/scim/v2"), "$ID", id)
		_, got := s.raw(method, path, body)
		if want := changing.ReplaceAllString(shown, "*"); changing.ReplaceAllString(got, "*") != want {
			t.Errorf("%s %s answers\n%s\nthe README shows\n%s", method, path, got, shown)
		}
		var created struct{ ID string }
		if err := json.Unmarshal([]byte(got), &created); err == nil && created.ID != "" {
			id = created.ID
		}
	}
}

// raw sends a request and returns the status, and the body as it came.
func (s *server) raw(method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.info.BaseURL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.info.Token)
	r.Header.Set("Content-Type", "application/scim+json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	encoded, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(encoded)
}
